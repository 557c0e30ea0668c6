//! `check --start`: the bundle alone.

use std::{fs, path::PathBuf};

use edgeplane::compute::{
    StartError,
    trial::{Trial, TrialError},
};

use super::app::{App, EDGEPLANE, SERVER, settings};

fn trial(app: &App) -> Trial {
    let static_dir = app.root().join("static");
    Trial {
        folder: app.folder(),
        static_dir: static_dir.exists().then_some(static_dir),
        variables: vec![("SECRET".to_owned(), "given".to_owned())],
        settings: settings(),
        keeper: Some(PathBuf::from(EDGEPLANE)),
    }
}

#[tokio::test]
async fn a_bundle_that_holds_all_it_needs_starts() {
    let script = format!(
        "const fs = require('node:fs');
         if (fs.readFileSync('../../static/a.txt', 'utf8') !== 'a') process.exit(2);
         if (require('dep') !== 'linked' || process.env.SECRET !== 'given') process.exit(3);
         fs.writeFileSync('written', '');
         {SERVER}"
    );
    let app = App::new("server.js", &script)
        .with("static/a.txt", "a")
        .with("compute/default/node_modules/.store/dep/index.js", "module.exports = 'linked'");
    std::os::unix::fs::symlink(".store/dep", app.folder().dir.join("node_modules/dep")).unwrap();
    trial(&app).run().await.expect("it starts");
    assert!(!app.folder().dir.join("written").exists(), "the bundle itself is not touched");
}

#[tokio::test]
async fn a_bundle_that_leans_on_its_project_does_not() {
    let app = App::new("server.js", &format!("require('dep');\n{SERVER}")).with("node_modules/dep/index.js", "");
    app.start().await.stop().await;
    match trial(&app).run().await.unwrap_err() {
        TrialError::Start(StartError::AllFailed { first, .. }) => {
            assert!(first.help.as_ref().is_some_and(|help| help.contains("self-contained")), "{first}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn nothing_of_a_trial_is_left() {
    let app = App::new(
        "server.js",
        "require('node:fs').writeFileSync(process.env.SECRET_PATH, process.cwd()); process.exit(1)",
    );
    let mut trial = trial(&app);
    let told = app.root().join("cwd");
    trial.variables.push(("SECRET_PATH".to_owned(), told.display().to_string()));
    trial.run().await.unwrap_err();
    let cwd = PathBuf::from(fs::read_to_string(told).unwrap());
    assert!(cwd.ends_with("bundle/compute/default") && !cwd.exists(), "{cwd:?}");
}
