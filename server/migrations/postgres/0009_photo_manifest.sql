-- Capture manifests by the numbers that their devices gave them, so that a photo that was removed
-- shows as a gap. Also of photos that never came. Only added to, but for what a signature is worth
-- once the key is known.
create table photo_manifest (
    device_id uuid not null,
    seq bigint not null,
    -- SHA-256 of the canonical manifest without its signature.
    hash bytea not null,
    previous bytea,
    photo_id uuid not null,
    street_id uuid not null,
    -- valid, invalid, absent, unknown_key
    signature text not null,
    body bytea not null,
    at_ms bigint not null,
    primary key (device_id, seq, hash)
);
