//! A function as it runs on Lambda: `users`, for tests of what happens around it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(users::api()).await
}
