//! What is held of a device, read in the snapshot of the page.

use crate::error::Result;
use crate::store::Tx;
use saolou_protocol::held::Held;
use saolou_protocol::ids::DeviceId;

/// The counters of a device that have arrived, in whatever street. What is committed is durable:
/// SQLite syncs at every commit; PostgreSQL does, and with `synchronous_standby_names` set also on
/// the standby that would take over.
pub(super) async fn held(tx: &mut Tx, device: DeviceId) -> Result<Held> {
    let streets = tx.streets_of_device(device.0).await?;
    if let [street] = streets[..] {
        let counted = tx.counters_len(street, device.0).await?;
        if let Some((len, last)) = counted
            && len == last
        {
            return Ok(Held::of(device, u64::try_from(len).unwrap_or(0), []));
        }
    }
    let mut counters = Vec::new();
    for street in streets {
        counters.extend(tx.counters(street, device.0, 1, i64::MAX).await?);
    }
    let mut counters: Vec<u64> =
        counters.into_iter().filter_map(|(n, _)| u64::try_from(n).ok()).collect();
    counters.sort_unstable();
    Ok(Held::of(device, 0, counters))
}
