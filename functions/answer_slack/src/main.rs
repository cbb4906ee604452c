//! The `answer_slack` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<answer_slack::AnswerSlack>().await
}
