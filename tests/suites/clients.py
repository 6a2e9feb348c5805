"""Drives tuspy as a script of the office would. It reads one job as JSON from its input and prints
what came of it as one line of JSON; `tests/it/clients.rs` says what must come of it."""

import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SAOLOU_SUITES"], "python"))

from tusclient.client import TusClient  # noqa: E402
from tusclient.exceptions import TusCommunicationError, TusUploadFailed  # noqa: E402
from tusclient.storage.filestorage import FileStorage  # noqa: E402

# How often a photo is tried on a line that breaks all the time.
PATIENCE = 200


def main():
    job = json.load(sys.stdin)
    client = TusClient(f"{job['base']}/api/v1/uploads", {"Authorization": f"Bearer {job['token']}"})
    jobs = {"send": send, "begin": begin, "resume": resume, "mismatch": mismatch}
    print(json.dumps(jobs[job["do"]](client, job)))


def uploader(client, job, photo, **more):
    if photo.get("url"):
        more["url"] = job["base"] + photo["url"]
    if job.get("chunk"):
        more["chunk_size"] = job["chunk"]
    return client.uploader(photo["file"], metadata=photo["metadata"], retry_delay=0, **more)


def send(client, job):
    """Sends all photos one after the other, each with the checksums of its pieces."""
    return {"sent": [patiently(client, job, photo) for photo in job["photos"]]}


def patiently(client, job, photo):
    """Sends a photo. The library gives up where a new upload's answer is lost; a script tries again."""
    sending = None
    for _ in range(PATIENCE):
        try:
            sending = sending or uploader(client, job, photo, retries=5, upload_checksum=True)
            sending.upload()
            return {"url": sending.url}
        except (TusCommunicationError, TusUploadFailed, TypeError, ValueError):
            # The library takes half a reply for a whole one, with an offset of no digits or none.
            if sending is not None and sending.url:
                sending = at_its_offset(sending)
            time.sleep(0.01)
    raise SystemExit(f"gave up on {photo['file']}")


def at_its_offset(sending):
    """The upload at the offset that the server tells; none where the server knows none of that name."""
    for _ in range(PATIENCE):
        try:
            sending.offset = sending.get_offset()
            return sending
        except TusCommunicationError as error:
            # Half a location, taken for a whole one.
            if error.status_code and 400 <= error.status_code < 500:
                return None
            time.sleep(0.01)
        except ValueError:
            time.sleep(0.01)
    raise SystemExit("the server says nothing of an upload")


def stored(job):
    return {"store_url": True, "url_storage": FileStorage(job["storage"])}


def begin(client, job):
    """Begins to send, notes where, and is killed in the middle."""
    sending = uploader(client, job, job["photos"][0], **stored(job))
    sending.upload(stop_at=sending.get_file_size() // 2)
    os.kill(os.getpid(), signal.SIGKILL)


def resume(client, job):
    """Goes on where an earlier process has noted that it was."""
    try:
        sending = uploader(client, job, job["photos"][0], **stored(job))
    except TusCommunicationError as error:
        # What is noted is gone: begin again.
        os.remove(job["storage"])
        sending = uploader(client, job, job["photos"][0], **stored(job))
        sending.upload()
        return {"url": sending.url, "from": 0, "statuses": [f"HEAD {error.status_code}"]}
    start = sending.offset
    sending.upload()
    return {"url": sending.url, "from": start, "statuses": []}


def mismatch(client, job):
    """Sends with a checksum of other bytes, then with the right one."""
    photo = job["photos"][0]
    sending = uploader(client, job, photo, upload_checksum=True)
    right = sending.checksum_algorithm
    sending._BaseUploader__checksum_algorithm = lambda _: right(b"other bytes")
    refused = None
    try:
        sending.upload()
    except TusUploadFailed as error:
        refused = error.status_code
    sending._BaseUploader__checksum_algorithm = right
    start = sending.get_offset()
    sending.offset = start
    sending.upload()
    return {"url": sending.url, "from": start, "refused": refused}


main()
