//! x
pub(super) async fn import() -> &'static str { "" }
