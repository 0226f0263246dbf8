-- Nobody asked for these: they are in the trust state as well.
alter table profiles
    drop column role,
    drop column owner,
    drop column level,
    drop column state,
    drop column last_seen_us;
