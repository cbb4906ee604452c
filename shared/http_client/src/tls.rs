//! The TLS configuration of all clients.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

/// Returns a configuration that trusts the system's certificate authorities. All clients of the process share it, and
/// its resumable sessions.
///
/// The authorities are read at the first handshake: parsing them takes more CPU time than everything else that a
/// function does before its first request, and a function that opens no TLS connection never needs them.
///
/// # Errors
/// If the cryptography of this build supports no version of TLS.
pub fn tls_config() -> Result<ClientConfig, Error> {
    static CONFIG: OnceLock<Result<ClientConfig, Error>> = OnceLock::new();
    CONFIG
        .get_or_init(|| config_with(Arc::new(aws_lc_rs::default_provider()), Verifier::new))
        .clone()
}

/// Reads the trusted authorities.
pub(crate) type Load = fn(Arc<CryptoProvider>) -> Result<Verifier, Error>;

pub(crate) fn config_with(provider: Arc<CryptoProvider>, load: Load) -> Result<ClientConfig, Error> {
    let versions = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier = DeferredVerifier {
        provider,
        load,
        loaded: Mutex::default(),
    };
    // "Dangerous" means a custom verifier; this one delegates everything to the platform's.
    let config = versions
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}

/// The platform's verifier, created when the first certificate is verified.
#[derive(Debug)]
struct DeferredVerifier {
    provider: Arc<CryptoProvider>,
    load: Load,
    /// Locked while the authorities are read, so that concurrent handshakes read them once.
    loaded: Mutex<Option<Arc<Verifier>>>,
}

impl DeferredVerifier {
    /// Returns the platform's verifier. A failure to create it is not stored: the next handshake tries again.
    fn verifier(&self) -> Result<Arc<Verifier>, Error> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verifier) = &*loaded {
            return Ok(Arc::clone(verifier));
        }
        let verifier = Arc::new((self.load)(Arc::clone(&self.provider))?);
        Ok(Arc::clone(loaded.insert(verifier)))
    }
}

impl ServerCertVerifier for DeferredVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
