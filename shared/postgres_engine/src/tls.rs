//! TLS towards a database.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use crate::{Failure, Tls};

/// Returns the configuration for a connection; the one without TLS is never used.
pub(crate) fn config(tls: &Tls) -> Result<ClientConfig, Failure> {
    let unusable = |error: Error| {
        tracing::error!(%error, "postgres.tls_unavailable");
        Failure::CertificateInvalid
    };
    match tls {
        Tls::VerifyFull(None) | Tls::Disable => http_client::tls_config().map_err(unusable),
        Tls::VerifyFull(Some(authority)) => {
            let roots = authorities(authority)?;
            Ok(builder()
                .map_err(unusable)?
                .with_root_certificates(roots)
                .with_no_client_auth())
        }
        Tls::Require => {
            let verifier = Arc::new(AnyCertificate(Arc::new(aws_lc_rs::default_provider())));
            let config = builder().map_err(unusable)?.dangerous();
            Ok(config.with_custom_certificate_verifier(verifier).with_no_client_auth())
        }
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions()
}

/// Checks that a text is one certificate or several, in PEM format.
///
/// # Errors
/// Returns [`Failure::AuthorityUnreadable`].
pub fn check_authorities(pem: &str) -> Result<(), Failure> {
    authorities(pem).map(|_| ())
}

fn authorities(pem: &str) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| Failure::AuthorityUnreadable)?;
        roots.add(certificate).map_err(|_| Failure::AuthorityUnreadable)?;
    }
    if roots.is_empty() {
        return Err(Failure::AuthorityUnreadable);
    }
    Ok(roots)
}

/// Accepts every certificate, as the mode `require` says. The server still proves that it has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
