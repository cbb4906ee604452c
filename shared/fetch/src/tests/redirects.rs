use super::*;

#[tokio::test]
async fn redirects_are_followed_and_the_last_address_is_returned() {
    let net = Net::new(|path| match path {
        "/" => redirect_to("/a#part"),
        "/a" => redirect_to("//other.example/b"),
        "/b" => redirect_to("http://site.example/grüße?x=ü"),
        _ => page("arrived"),
    })
    .await;
    let content = net.get("http://site.example/").await.unwrap();
    assert_eq!(content.bytes, "arrived");
    assert_eq!(content.url.as_str(), "http://site.example/gr%C3%BC%C3%9Fe?x=%C3%BC");
    net.assert_unreached("a redirect");
}

#[tokio::test]
async fn every_hop_is_checked_like_the_first_address() {
    let trap = Listener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let port = trap.local_addr().unwrap().port();
    let locations = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("//127.1:{port}/"),
        format!("http:\\\\127.0.0.1:{port}"),
        format!("http://localhost:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://private.example/".to_owned(),
        "http://site.example:22/".to_owned(),
        "http://me:secret@site.example/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "javascript:alert(1)".to_owned(),
    ];
    for (hops, location) in locations.iter().enumerate() {
        // After some harmless hops.
        let (hops, to) = (hops % 5, location.clone());
        let net = Net::new(move |path| match path.trim_start_matches('/').parse::<usize>() {
            Ok(hop) if hop < hops => redirect_to(&format!("/{}", hop + 1)),
            _ => redirect_to(&to),
        })
        .await;
        net.names.set("private.example", &[&["10.0.0.1"]]);
        let error = net.get("http://site.example/0").await.unwrap_err();
        assert!(error.is_about_address(), "{location}: {error:?}");
        assert_eq!(net.connections(), hops + 1, "{location}");
        net.assert_unreached(location);
    }
    let reached = trap.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(reached, Err(io::ErrorKind::WouldBlock), "a redirect reached the trap");
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_sixth() {
    let net = Net::new(|path| match path.trim_start_matches('/').parse::<u32>() {
        Ok(0) | Err(_) => page("arrived"),
        Ok(left) => redirect_to(&format!("/{}", left - 1)),
    })
    .await;
    assert_eq!(net.get("http://site.example/5").await.unwrap().bytes, "arrived");
    assert_eq!(
        net.get("http://site.example/6").await.err(),
        Some(FetchError::RedirectLoop)
    );
}

#[tokio::test]
async fn circles_and_redirects_to_nowhere_end() {
    let net = Net::new(|path| match path {
        "/self" => redirect_to("/self#again"),
        "/a" => redirect_to("/b"),
        "/b" => redirect_to("/a"),
        "/none" => response("301 Moved", "", ""),
        "/bytes" => response("301 Moved", "location: /\u{ff}\r\n", ""),
        _ => redirect_to("http://"),
    })
    .await;
    for path in ["self", "a", "none", "invalid"] {
        let error = net.get(&format!("http://site.example/{path}")).await.err();
        assert_eq!(error, Some(FetchError::RedirectLoop), "{path}");
    }
    assert!(net.connections() < 8);
}
