//! Signs a request with the hash that its body must have.
//!
//! A body that streams from a disk would go unsigned. The hash of an original is known before it is
//! sent, and a store that receives anything else finds that out by the signature alone.

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sigv4::http_request::SignableBody;
use saolou_protocol::canonical::Hash;

/// The SHA-256 that goes into the signature.
#[derive(Debug)]
pub(super) struct SignedHash(pub(super) Hash);

impl Intercept for SignedHash {
    fn name(&self) -> &'static str {
        "SignedHash"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let signing = config.load::<SigV4OperationSigningConfig>().ok_or("it is not signed")?;
        let mut signing = signing.clone();
        let hash = SignableBody::Precomputed(self.0.to_string());
        signing.signing_options.payload_override = Some(hash);
        config.interceptor_state().store_put(signing);
        Ok(())
    }
}
