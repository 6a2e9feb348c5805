-- What is to be looked at about photos is derived from ops: what was kept of it beside them goes.
drop table photo_record;
drop table photo_finding;
-- What was read before is told now.
insert into job (sha256, stage, version, photo_id, state, attempts, due_ms, created_ms)
    select photo_reading.sha256, 'tell', 1, decoded.photo_id, 'waiting', 0, photo_reading.read_ms,
        photo_reading.read_ms
    from photo_reading join
        (select distinct sha256, photo_id from job where stage = 'decode') as decoded
        on decoded.sha256 = photo_reading.sha256
    where true
    on conflict (sha256, stage, version) do nothing;
