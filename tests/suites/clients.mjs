// Drives tus-js-client as an app would. It reads one job as JSON from its input and prints what came
// of it as one line of JSON; `tests/it/clients.rs` says what must come of it.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { PassThrough } from 'node:stream'

const tus = createRequire(`${process.env.SAOLOU_SUITES}/`)('tus-js-client')
const job = JSON.parse(readFileSync(0, 'utf8'))

/** Many quick attempts: the line breaks all the time, and comes back at once. */
const PATIENT = Array.from({ length: 60 }, (_, n) => Math.min(10 * n, 100))

const jobs = { send, begin, resume, mismatch }
console.log(JSON.stringify(await jobs[job.do]()))

/** What an app tells the library about a photo. */
function options(photo, more) {
  return {
    endpoint: `${job.base}/api/v1/uploads`,
    uploadUrl: photo.url ? `${job.base}${photo.url}` : null,
    headers: { Authorization: `Bearer ${job.token}` },
    metadata: photo.metadata,
    retryDelays: PATIENT,
    ...(job.chunk ? { chunkSize: job.chunk } : {}),
    ...more,
  }
}

/** Sends one photo; gives where it went, and from which byte on. */
function upload(photo, more = {}, before = async () => {}) {
  return new Promise((done, failed) => {
    let from = null
    const sending = new tus.Upload(content(photo), options(photo, {
      onError: failed,
      onSuccess: () => done({ url: sending.url, from }),
      onProgress: sent => { from ??= sent },
      ...more,
    }))
    before(sending).then(() => sending.start(), failed)
  })
}

/** What has no length beforehand is a stream, as from a camera that still records. */
function content(photo) {
  if (!job.deferred) return readFileSync(photo.file)
  return createReadStream(photo.file).pipe(new PassThrough())
}

/** Sends all photos, some at a time. */
async function send() {
  const waiting = [...job.photos]
  const sent = []
  const more = {
    parallelUploads: job.parallel ?? 1,
    uploadLengthDeferred: job.deferred ?? false,
    uploadDataDuringCreation: job.with_creation ?? false,
  }
  const worker = async () => {
    for (let photo = waiting.shift(); photo; photo = waiting.shift()) {
      sent.push(await upload(photo, more))
    }
  }
  await Promise.all(Array.from({ length: job.at_once ?? 1 }, worker))
  return { sent }
}

function stored(more) {
  return { urlStorage: new tus.FileUrlStorage(job.storage), ...more }
}

/** Begins to send, notes where, and is killed in the middle. */
function begin() {
  const [photo] = job.photos
  return upload(photo, stored({
    onChunkComplete: (_, accepted, whole) => {
      if (accepted * 2 >= whole) process.kill(process.pid, 'SIGKILL')
    },
  }))
}

/** Goes on where an earlier process has noted that it was. */
async function resume() {
  const [photo] = job.photos
  const statuses = []
  const told = await upload(photo, stored({
    removeFingerprintOnSuccess: true,
    onAfterResponse: (request, response) => statuses.push(`${request.getMethod()} ${response.getStatus()}`),
  }), async sending => {
    const [previous] = await sending.findPreviousUploads()
    if (!previous) throw new Error('nothing was noted')
    sending.resumeFromPreviousUpload(previous)
  })
  return { ...told, statuses }
}

/** Sends with a checksum of other bytes, then with the right one. */
async function mismatch() {
  const [photo] = job.photos
  const sum = of => `sha256 ${createHash('sha256').update(of).digest('base64')}`
  const saying = value => ({
    onBeforeRequest: request => {
      if (request.getMethod() === 'PATCH') request.setHeader('Upload-Checksum', value)
    },
  })
  let url
  const refused = await upload(photo, {
    ...saying(sum('other bytes')),
    onUploadUrlAvailable() { url = this.url ?? url },
    retryDelays: null,
  }).then(() => null, error => error.originalResponse?.getStatus() ?? String(error))
  const told = await upload(photo, saying(sum(readFileSync(photo.file))))
  return { ...told, refused }
}
