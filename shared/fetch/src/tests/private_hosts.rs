//! Hosts that the configuration lists, on a developer's machine.

use super::*;

#[tokio::test]
async fn a_listed_host_is_reached_at_its_port_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            request_head(&mut stream).await.unwrap();
            stream.write_all(&page("a local page")).await.unwrap();
        }
    });
    let private = PrivateHosts::parse(&format!("127.0.0.1:{}", address.port())).unwrap();
    let fetcher = Fetcher::new(private).unwrap();
    let get = async |url: String| fetcher.get(&url, &Conditions::default(), &small()).await;
    assert!(
        matches!(get(format!("http://{address}/")).await, Ok(Fetched::Content(page)) if page.bytes == "a local page")
    );
    // The same host in another spelling is the same host.
    assert!(get(format!("http://127.1:{}/", address.port())).await.is_ok());
    for other in [
        format!("http://127.0.0.1:{}/", address.port() ^ 1),
        format!("http://localhost:{}/", address.port()),
        "http://127.0.0.1/".to_owned(),
    ] {
        assert_eq!(get(other.clone()).await, Err(FetchError::AddressNotAllowed), "{other}");
    }
}

#[tokio::test]
async fn a_page_of_a_listed_host_does_not_lead_to_others() {
    let net = Net::new(|path| match path {
        "/in" => page("in"),
        _ => redirect_to("http://10.0.0.1/"),
    })
    .await;
    assert_eq!(
        net.get("http://site.example/out").await.err(),
        Some(FetchError::AddressNotAllowed)
    );
    net.assert_unreached("a redirect");
}
