//! Whatever Node prints, and however much, it is never held up.

use super::app::{App, SERVER, get};

#[tokio::test]
async fn odd_output_is_taken() {
    let printed = [
        "process.stdout.write('no newline')",
        "process.stderr.write('x'.repeat(5_000_000))",
        "process.stdout.write(Buffer.from([0xff, 0xfe, 0, 10, 27, 91]))",
        "for (let i = 0; i < 100_000; i++) process.stdout.write('line\\n')",
    ];
    for print in printed {
        let app = App::new("server.js", &format!("{print};\n{SERVER}"));
        let fleet = app.start().await;
        assert!(get(&fleet, "/").await.is_some(), "{print}");
        fleet.stop().await;
    }
}

#[tokio::test]
async fn the_last_line_counts_also_without_a_newline() {
    let app = App::new("server.js", "process.stderr.write('a\\nlast'); process.exitCode = 1");
    let error = edgeplane::compute::Fleet::start(app.plan(1)).await.unwrap_err();
    let edgeplane::compute::StartError::AllFailed { first, .. } = error else { panic!("{error}") };
    assert_eq!(first.last_words, ["a", "last"]);
}
