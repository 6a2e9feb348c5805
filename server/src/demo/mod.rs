//! The demo.
use crate::app::Failure;
use crate::config::Demo;
/// x
/// # Errors
/// x
pub async fn run(_o: &Demo, _s: impl Future<Output=()>) -> Result<std::process::ExitCode, Failure> { Err("x".into()) }
