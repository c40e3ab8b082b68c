//! The daemon's page as people use it: in a browser, by keyboard, on a phone, with a daemon that works on a rehearsed stack.

use std::net::TcpListener;

use serde_json::json;

use crate::browser::Browser;
use crate::daemon::{APPROVE, Daemon, READ, configured_at};
use crate::rehearsal::Rehearsal;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// Where a daemon will listen.
fn door() -> String {
    format!("127.0.0.1:{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
}

fn stage() -> (Rehearsal, String) {
    let (stage, door) = (Rehearsal::new(), door());
    stage.provision();
    configured_at(&stage, &door, "");
    (stage, door)
}

fn sign_in(browser: &Browser, door: &str, token: &str) {
    // The daemon may still be starting.
    while std::net::TcpStream::connect(door).is_err() {
        std::thread::yield_now();
    }
    browser.open(&format!("http://{door}/"));
    browser.wait("nobody asks for a token", "return document.activeElement?.id === 'token'");
    browser.write(token);
    browser.press(&[ENTER]);
}

/// Moves the focus by keyboard alone until it is on what a selector names.
fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..80 {
        if browser.run(&format!("return document.activeElement?.matches({selector:?}) ?? false")) == true {
            return;
        }
        browser.press(&[TAB]);
    }
    panic!("the keyboard does not reach `{selector}`: {}", browser.run("return document.activeElement?.outerHTML"));
}

fn text_of(browser: &Browser) -> String {
    browser.run("return document.body.innerText").as_str().unwrap().to_owned()
}

fn fits(browser: &Browser, what: &str) {
    let wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(wide, json!(0), "{what} is wider than the window");
}

const STATE: &str = "return document.querySelector('.rows .row .state')?.textContent";

#[test]
fn drift_appears_by_itself_and_a_plan_is_approved_by_keyboard() {
    let (stage, door) = stage();
    let _daemon = Daemon::start(&stage);
    let browser = Browser::start();
    sign_in(&browser, &door, APPROVE);
    browser.wait("the stack does not appear", &format!("{STATE} === 'verified'"));
    browser.picture("fleet-light");
    // The slash finds the filter, and what is filtered away is gone.
    browser.press(&["/"]);
    browser.write("nobody");
    browser.wait("the filter does nothing", "return !document.querySelector('.rows .row')");
    browser.run("document.getElementById('filter').value = ''; document.getElementById('filter').dispatchEvent(new Event('input', {bubbles: true}))");
    browser.wait("the filter stays", "return document.querySelector('.rows .row a')");
    browser.run("document.querySelector('.rows .row a').click()");
    browser.wait("the units are not drawn", "return document.querySelectorAll('.graph .node').length > 8");
    browser.wait("the proof is not told", "return document.querySelectorAll('.part-proof .tone-good').length >= 6");
    let links = browser.run("return [...document.querySelectorAll('.actions a')].map((link) => link.href)");
    assert!(links[0].as_str().unwrap().contains("/grafana/") && links[1].as_str().unwrap().contains("#resource/"), "{links}");
    browser.picture("stack-light");
    // Somebody writes tags; healing them would take them away, so that waits.
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"whose": "<img src=x onerror=alert(1)>"}));
    tab_to(&browser, "[data-key=heal]");
    browser.press(&[ENTER]);
    browser.wait("nobody asks whether to heal", "return document.querySelector('dialog[open]')");
    tab_to(&browser, "dialog[open] button.filled");
    browser.press(&[ENTER]);
    browser.wait("the plan does not wait", "return document.querySelector('[data-key=review]')");
    assert!(text_of(&browser).contains("<img src=x onerror=alert(1)>"));
    tab_to(&browser, "[data-key=review]");
    browser.press(&[ENTER]);
    browser.wait("the plan is not shown", "return document.querySelector('[data-key=approve]')");
    browser.picture("plan-light");
    tab_to(&browser, "[data-key=approve]");
    browser.press(&[ENTER]);
    browser.wait("nobody asks whether to approve", "return document.querySelector('dialog[open]')");
    browser.press(&[ESCAPE]);
    browser.wait("Escape closes nothing", "return !document.querySelector('dialog[open]')");
    tab_to(&browser, "[data-key=approve]");
    browser.press(&[ENTER]);
    browser.wait("nobody asks whether to approve", "return document.querySelector('dialog[open]')");
    tab_to(&browser, "dialog[open] button.filled");
    browser.press(&[ENTER]);
    browser.open(&format!("http://{door}/#/stacks/quickstart"));
    browser.wait("it is not mended", "return document.querySelector('.headline .state')?.textContent === 'verified' && !document.querySelector('[data-key=review]')");
    // The run that mended it, as a timeline.
    browser.wait("the runs are not listed", "return document.querySelectorAll('.runs a').length >= 3");
    browser.run("document.querySelector('.runs a').click()");
    browser.wait("the run has no steps", "return document.querySelector('.timeline .step')");
    browser.picture("run-light");
    assert_eq!(browser.run("return document.querySelectorAll('img').length"), json!(0));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn it_fits_a_phone_in_the_dark_and_tells_who_may_not() {
    let (stage, door) = stage();
    let daemon = Daemon::start(&stage);
    let browser = Browser::start();
    browser.size(360, 780);
    browser.prefers("dark");
    sign_in(&browser, &door, "aksd_wrong");
    browser.wait("a wrong token is taken", "return document.getElementById('sign-in-problem')?.textContent");
    fits(&browser, "signing in");
    browser.run("document.getElementById('token').select()");
    browser.write(READ);
    browser.press(&[ENTER]);
    browser.wait("the stack does not appear", &format!("{STATE} === 'verified'"));
    fits(&browser, "the fleet");
    browser.picture("fleet-phone-dark");
    let dark =
        "const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number); return r + g + b < 150";
    assert_eq!(browser.run(dark), true);
    browser.run("document.querySelector('.rows .row a').click()");
    browser.wait("the stack is not shown", "return document.querySelector('.part-proof .tone-good')");
    fits(&browser, "a stack");
    browser.picture("stack-phone-dark");
    assert_eq!(browser.run("return document.querySelector('[data-key=heal]').getAttribute('aria-disabled')"), "true");
    assert!(text_of(&browser).contains("This needs the role operate; your token has the role read."), "{}", text_of(&browser));
    // What the daemon says of a broken file is text, whatever stands in the file.
    std::fs::write(stage.home().join("aksight.yaml"), "kind: <img src=x onerror=alert(1)>\n").unwrap();
    browser.wait("the banner does not appear", "return document.querySelector('#banners .banner')");
    fits(&browser, "a banner");
    assert_eq!(browser.run("return document.querySelectorAll('img').length"), json!(0));
    // Without the daemon the page says so, and finds it again.
    drop(daemon);
    browser.wait("the loss is not told", "return document.getElementById('live').dataset.state === 'reconnecting'");
    std::fs::remove_file(stage.home().join("aksight.yaml")).unwrap();
    let file =
        std::fs::read_to_string(std::path::Path::new(crate::TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
    std::fs::write(stage.home().join("aksight.yaml"), file).unwrap();
    let _again = Daemon::start(&stage);
    browser.wait("the daemon is not found again", "return document.getElementById('live').dataset.state === 'live'");
    browser.run("document.getElementById('sign-out').click()");
    browser.wait("nobody is signed out", "return document.getElementById('token')");
    assert_eq!(browser.run("return sessionStorage.length"), json!(0));
}
