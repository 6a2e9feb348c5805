# usage: ceph FOLDER MONITOR_PORT GATEWAY_PORT, until the end of standard input.
set -euo pipefail
cd "$1"
fsid=5a0100c0-0000-4000-8000-000000000001
mkdir -p mon osd run gateway
export CEPH_CONF=$1/ceph.conf
cat >"$CEPH_CONF" <<END
[global]
fsid = $fsid
mon_host = 127.0.0.1:$2
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 2000
run_dir = $1/run
admin_socket = $1/run/\$cluster-\$name.asok
pid_file = $1/run/\$name.pid
log_file = $1/run/\$name.log
ms_bind_ipv6 = false
ms_bind_msgr2 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
mon_warn_on_pool_no_redundancy = false
[mon]
mon_data = $1/mon
mon_data_avail_crit = 1
[osd]
osd_data = $1/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:$3 tcp_nodelay=1
rgw_crypt_require_ssl = false
rgw_run_sync_thread = false
rgw_enable_usage_log = false
rgw_relaxed_s3_bucket_names = true
END

children=()
# The gateway first: each waits for those before it.
stop() {
    local child
    for child in $(printf '%s\n' "${children[@]}" | tac); do kill -KILL "$child" || true; done
}
trap stop EXIT
# Runs a daemon in the foreground, out of the way of what we wait for.
daemon() {
    "$@" -f -c "$CEPH_CONF" </dev/null >>run/daemons 2>&1 &
    children+=($!)
}

monmaptool --create --clobber --addv a "[v1:127.0.0.1:$2]" --fsid "$fsid" run/monmap >/dev/null
ceph-mon -c "$CEPH_CONF" --mkfs -i a --monmap run/monmap
daemon ceph-mon -i a
ceph-osd -c "$CEPH_CONF" -i 0 --mkfs
timeout 30 ceph osd new "$(cat osd/fsid)" 0
timeout 30 ceph osd crush add osd.0 1.0 root=default host=h
daemon ceph-osd -i 0
timeout 60 radosgw-admin -c "$CEPH_CONF" user create --uid=t --display-name=t \
    --access-key=key --secret=secret >run/user.json
daemon radosgw -n client.rgw --rgw_data="$1/gateway"
for _ in $(seq 300); do
    curl -s -o /dev/null "http://127.0.0.1:$3/" && break
    sleep 0.1
done

# Makes a bucket: `bucket NAME EXTRA-HEADER`.
bucket() {
    curl -sf -X PUT --aws-sigv4 aws:amz:us-east-1:s3 --user key:secret \
        -H 'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' \
        -H "$2" "http://127.0.0.1:$3/$1"
}
bucket locked 'x-amz-bucket-object-lock-enabled: true' "$3"
bucket plain 'x-amz-acl: private' "$3"
touch ready
cat >/dev/null
