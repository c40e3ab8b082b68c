//! The stand-in for `hashicorp/azurerm` 5.2.0: a Terraform provider inside this program, for rehearsals without a registry.
//!
//! It keeps nothing of its own. It speaks plugin protocol 6 to the real terraform and ARM over HTTPS to whatever the provider block
//! and the `ARM_*` variables name, with azurerm's own schema ([`schema`]), planning ([`plan`]) and bodies ([`mapping`]).

mod arm;
mod grpc;
mod handshake;
mod mapping;
mod mirror;
mod plan;
mod provider;
mod resources;
mod schema;
mod validate;
mod value;
mod wire;

pub use handshake::{is_plugin_launch, is_plugin_name};
pub use mirror::install_mirror;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::host::process;
use crate::host::signals::{Signal, Signals};

/// The version of azurerm that is stood in for.
pub const VERSION: &str = "5.2.0";

/// What a person is told who runs the provider by hand.
pub const BY_HAND: &str = "this is a stand-in for the azurerm provider: Terraform starts it by itself, do not run it by hand";

/// Why the provider could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Terraform always hands its certificate over; without it nobody could be told from Terraform.
    #[error("`PLUGIN_CLIENT_CERT` does not hold terraform's certificate")]
    ClientCertificate,
    /// No certificate could be made.
    #[error("cannot make a certificate for this run")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("cannot set up TLS towards terraform")]
    Tls(#[from] rustls::Error),
    /// No port on the loopback interface.
    #[error("cannot listen on the loopback interface")]
    Listen(#[source] std::io::Error),
    /// Terraform does not read what it is told.
    #[error("cannot tell terraform where to call")]
    Announce(#[source] std::io::Error),
}

/// Serves Terraform until it says goodbye, or is gone.
///
/// # Errors
/// [`Error`] when the two cannot get into contact.
pub async fn serve() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    let identity = handshake::Identity::new(&lookup("PLUGIN_CLIENT_CERT").ok_or(Error::ClientCertificate)?)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::Listen)?;
    let port = listener.local_addr().map_err(Error::Listen)?.port();
    identity.announce(port)?;
    let end = CancellationToken::new();
    let orphan = tokio::spawn(outlive(end.clone()));
    // An interrupt at the keyboard reaches the whole process group; Terraform will say what it wants of us.
    let interrupts = tokio::spawn(overhear(end.clone()));
    converse(listener, identity, (end, grpc::ALONE), Box::new(lookup)).await;
    interrupts.abort();
    orphan.abort();
    Ok(())
}

/// Answers on `listener` until `end`, or until nobody was connected for the time beside it.
async fn converse(
    listener: TcpListener,
    identity: handshake::Identity,
    (end, alone): (CancellationToken, Duration),
    lookup: provider::Lookup,
) {
    let provider = Arc::new(provider::Provider::new(end.clone(), lookup));
    let acceptor = tokio_rustls::TlsAcceptor::from(identity.config);
    grpc::serve(listener, acceptor, (end, alone), move |path, message| {
        let provider = Arc::clone(&provider);
        async move { provider.answer(&path, message).await }
    })
    .await;
}

/// Ends the service when Terraform died without a word, where the system tells; else [`grpc::ALONE`] ends it.
async fn outlive(end: CancellationToken) {
    process::orphaned().await;
    end.cancel();
}

/// Keeps interrupts from ending the process. A wish to terminate is meant for it alone.
async fn overhear(end: CancellationToken) {
    let Ok(mut signals) = Signals::listen() else { return };
    while signals.next().await == Signal::Interrupt {}
    end.cancel();
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    /// A caller with a certificate of its own, which trusts the provider's.
    fn caller(own: &rcgen::CertifiedKey<rcgen::KeyPair>, provider: &[u8]) -> reqwest::Client {
        let identity = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());
        reqwest::Client::builder()
            .identity(reqwest::Identity::from_pem(identity.as_bytes()).unwrap())
            .tls_certs_only([reqwest::Certificate::from_der(provider).unwrap()])
            .no_proxy()
            .build()
            .unwrap()
    }

    async fn call(client: &reqwest::Client, port: u16, method: &str) -> reqwest::Result<bytes::Bytes> {
        let request = client.post(format!("https://localhost:{port}{method}")).header("content-type", "application/grpc");
        request.body(vec![0_u8; 5]).send().await?.bytes().await
    }

    #[tokio::test]
    async fn terraform_is_answered_a_stranger_is_not_and_goodbye_ends_it() {
        let [terraform, stranger] =
            ["terraform", "stranger"].map(|name| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap());
        let identity = handshake::Identity::new(&terraform.cert.pem()).unwrap();
        let certificate = identity.certificate().to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let until = (CancellationToken::new(), grpc::ALONE);
        let service = tokio::spawn(converse(listener, identity, until, Box::new(|_| None)));

        let schema = "/tfplugin6.Provider/GetProviderSchema";
        assert!(call(&caller(&stranger, &certificate), port, schema).await.is_err());
        let terraform = caller(&terraform, &certificate);
        let answer = call(&terraform, port, schema).await.unwrap();
        let length = u32::from_be_bytes(answer[1..5].try_into().unwrap());
        assert_eq!((answer[0], usize::try_from(length).unwrap()), (0, answer.len() - 5));
        let schema = wire::ProviderSchema::decode(answer.slice(5..)).unwrap();
        assert_eq!((schema.resource_schemas.len(), schema.data_source_schemas.len()), (4, 1));
        assert_eq!(call(&terraform, port, "/plugin.GRPCController/Shutdown").await.unwrap().len(), 5);
        service.await.unwrap();
    }

    #[tokio::test]
    async fn who_hears_of_nobody_any_more_ends() {
        let client = rcgen::generate_simple_self_signed(["terraform".to_owned()]).unwrap();
        let identity = handshake::Identity::new(&client.cert.pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let until = (CancellationToken::new(), Duration::from_millis(200));
        let service = tokio::spawn(converse(listener, identity, until, Box::new(|_| None)));
        // Longer than it may be alone, but it is not: a connection is open.
        let connection = tokio::net::TcpStream::connect(address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(!service.is_finished());
        drop(connection);
        tokio::time::timeout(Duration::from_secs(20), service).await.unwrap().unwrap();
    }
}
