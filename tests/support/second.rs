//! A second server on the data of a stack, as a further instance of a function is.

use std::net::SocketAddr;

use tokio::{net::TcpListener, task::JoinSet};

use super::{Caller, Metered, Test};

/// A server with an application of its own: what is in memory there is not here.
pub(crate) struct Second {
    pub(crate) metered: Metered,
    url: String,
    _server: JoinSet<()>,
}

impl Second {
    pub(crate) async fn on(t: &Test) -> Self {
        let metered = Metered::new(t).await;
        let router = local::functions::router(metered.app.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        Self {
            metered,
            url,
            _server: server,
        }
    }

    /// The same caller, at this server.
    pub(crate) fn of(&self, caller: &Caller) -> Caller {
        caller.at(&self.url)
    }
}
