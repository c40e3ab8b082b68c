//! A headless Chromium, driven over `WebDriver`: as much of the protocol as the page's tests need.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

/// A browser that ends with its test.
pub(crate) struct Browser {
    driver: Child,
    client: reqwest::Client,
    session: String,
    runtime: tokio::runtime::Runtime,
    _home: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.runtime.block_on(self.client.delete(&self.session).send()));
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

impl Browser {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).env("HOME", home.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = command.spawn().unwrap_or_else(|error| {
            panic!("chromedriver: {error}: install Chromium and its driver (Debian: apt-get install chromium chromium-driver)")
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, client, session: base.clone(), runtime, _home: home };
        let options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": options}}}});
        let session = browser.until("chromedriver does not start", |browser| browser.post("", &wanted).ok());
        browser.session = format!("{base}/{}", session["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {session}")));
        browser.size(1280, 900);
        browser
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, reqwest::Error> {
        self.runtime.block_on(async {
            let answer = self.client.post(format!("{}{path}", self.session)).json(body).send().await?;
            Ok(answer.json::<Value>().await?["value"].take())
        })
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body).unwrap();
        assert!(answer["error"].is_null(), "{path} {body}: {answer:#}");
        answer
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    pub(crate) fn open(&self, address: &str) {
        self.command("/url", &json!({"url": address}));
    }

    /// What a function body gives back.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The size of the window, in CSS pixels.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What the system prefers: `dark` or `light`.
    pub(crate) fn prefers(&self, scheme: &str) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    /// Presses keys one after the other; letters, or `WebDriver`'s names of others.
    pub(crate) fn press(&self, keys: &[&str]) {
        let actions: Vec<Value> =
            keys.iter().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}))).collect();
        self.command("/actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}));
    }

    pub(crate) fn write(&self, text: &str) {
        let keys: Vec<String> = text.chars().map(String::from).collect();
        self.press(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Waits until a script gives something that is not null, false or empty.
    pub(crate) fn wait(&self, what: &str, script: &str) -> Value {
        self.until(what, |browser| {
            Some(browser.run(script)).filter(|value| !matches!(value, Value::Null | Value::Bool(false)) && value != "")
        })
    }

    #[expect(clippy::disallowed_methods, reason = "another process is asked until it is so")]
    fn until<T>(&self, what: &str, mut found: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the browser complained of: errors of scripts, and what the content policy forbade.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({"type": "browser"}));
        let severe = |line: &&Value| line["level"] == "SEVERE" || line["source"] == "security";
        log.as_array().unwrap().iter().filter(severe).map(ToString::to_string).collect()
    }

    /// A picture of the whole page, where `AKSIGHT_SCREENSHOTS` says.
    pub(crate) fn picture(&self, name: &str) {
        if let Some(directory) = std::env::var_os("AKSIGHT_SCREENSHOTS") {
            let shot = self.devtools("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
            let png = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
            std::fs::write(Path::new(&directory).join(format!("{name}.png")), png).unwrap();
        }
    }
}
