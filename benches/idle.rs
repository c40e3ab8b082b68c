//! What a daemon costs that has five thousand stacks and nothing to do: `cargo bench --bench idle`. Nothing here can fail a build.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement may stop at the first surprise, prints what it found and takes its time"
)]

use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it is watched.
const WATCHED: Duration = Duration::from_mins(1);

fn main() {
    for stacks in [500, 5_000] {
        measure(stacks);
    }
}

fn measure(stacks: usize) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("fleet.yaml"), fleet(stacks)).unwrap();
    let config =
        "files = [\"fleet.yaml\"]\n[schedule]\ncron = \"0 0 1 1 *\"\nrun_at_start = false\n[http]\nlisten = \"unix:d.sock\"\n";
    std::fs::write(home.path().join("aksightd.toml"), config).unwrap();
    let began = Instant::now();
    let mut daemon = start(home.path());
    while !is_ready(home.path()) {
        assert!(daemon.try_wait().unwrap().is_none(), "the daemon ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ready = began.elapsed();
    let before = processor_time(&daemon);
    std::thread::sleep(WATCHED);
    let used = processor_time(&daemon) - before;
    let (now, peak) = (memory(&daemon, "VmRSS"), memory(&daemon, "VmHWM"));
    println!(
        "idle daemon, {stacks} stacks: {} MB ({} MB at most; bound: 120 MB), {:.2} % of one processor (bound: 1 %), ready after {:.1} s",
        now / 1024,
        peak / 1024,
        used * 100.0 / WATCHED.as_secs_f64(),
        ready.as_secs_f64()
    );
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

fn fleet(stacks: usize) -> String {
    let mut text =
        "apiVersion: aksight/v1\nkind: Fleet\nmetadata: {name: bench}\ndefaults:\n  azure: {location: westeurope}\nstacks:\n"
            .to_owned();
    for number in 0..stacks {
        writeln!(
            text,
            "  - {{name: s{number:04}, azure: {{resourceGroup: rg-s{number:04}}}, cluster: {{name: aks-s{number:04}}}, \
             monitoring: {{workspace: {{name: amw-s{number:04}}}}}, grafana: {{name: amg-s{number:04}}}}}"
        )
        .unwrap();
    }
    text
}

fn start(home: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aksight"));
    command.arg("daemon").current_dir(home).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home).spawn().unwrap()
}

fn is_ready(home: &Path) -> bool {
    use std::io::Write as _;
    let Ok(mut stream) = UnixStream::connect(home.join("d.sock")) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: d\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// User and system time in seconds: fields 14 and 15 of `proc(5)`'s stat, in hundredths.
fn processor_time(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// A line of `proc(5)`'s status, in kilobytes.
fn memory(child: &Child, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
