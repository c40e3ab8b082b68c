//! A person at a terminal is asked before anything is done: no leaves everything as it was, yes does it, Ctrl-C and signals break it off.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::rehearsal::{Rehearsal, pid};

/// A command at a terminal of its own.
pub(crate) struct Asked {
    terminal: Child,
    said: String,
}

/// A command at a terminal, after it asked `question`.
pub(crate) fn asked(command: &Command, question: &str) -> Asked {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    // What the terminal is like afterwards is told after everything else.
    let line = format!("trap : INT; {}; code=$?; stty -a; exit $code", words.join(" "));
    // `script` is what opens a terminal for a program that is started by another one.
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--echo", "never", "--command", &line, "/dev/null"]);
    script.current_dir(command.get_current_dir().unwrap()).env_clear();
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut asked = Asked { terminal: script.spawn().unwrap(), said: String::new() };
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while !asked.said.contains(question) {
        let many = asked.terminal.stdout.as_mut().unwrap().read(&mut piece).unwrap();
        assert!(many > 0, "it ended without asking: {}", asked.said);
        bytes.extend_from_slice(&piece[..many]);
        asked.said = String::from_utf8_lossy(&bytes).into_owned();
    }
    asked
}

impl Asked {
    /// Types `keys`; gives back the exit code, and everything that was said.
    pub(crate) fn answered(mut self, keys: &str) -> (Option<i32>, String) {
        let mut keyboard = self.terminal.stdin.take().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        self.ended()
    }

    /// Sends a signal to the command, which nobody answers.
    fn told(self, signal: Signal) -> (Option<i32>, String) {
        let children = |of: Pid| std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
        let only = |of: Pid| Pid::from_raw(children(of).trim().parse().unwrap());
        kill(only(only(pid(&self.terminal))), signal).unwrap();
        self.ended()
    }

    fn ended(mut self) -> (Option<i32>, String) {
        self.terminal.stdout.take().unwrap().read_to_string(&mut self.said).unwrap();
        assert!(self.said.contains(" icanon"), "the terminal was not left as it was: {}", self.said);
        (self.terminal.wait().unwrap().code(), self.said)
    }
}

pub(crate) const NO: &str = "n\r";
pub(crate) const YES: &str = "y\r";
const CTRL_C: &str = "\u{3}";

#[test]
fn provision_and_destroy_ask_before_they_act() {
    let stage = Rehearsal::new();
    let at_terminal = |name: &str| stage.command(&[name, "--simulate", "--sim-pace", "0.002"]);
    let question = "Carry this out?";
    let (code, said) = asked(&at_terminal("provision"), question).answered(NO);
    assert!(code == Some(2) && stage.resources("/").is_empty(), "{code:?}: {said}");
    let (code, said) = asked(&at_terminal("provision"), question).answered(CTRL_C);
    assert!(code == Some(130) && stage.resources("/").is_empty(), "{code:?}: {said}");
    for (signal, wanted) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let (code, said) = asked(&at_terminal("provision"), question).told(signal);
        assert!(code == Some(wanted) && stage.resources("/").is_empty(), "{code:?}: {said}");
    }
    let (code, said) = asked(&at_terminal("provision"), question).answered(YES);
    assert!(code == Some(0) && !stage.resources("managedclusters").is_empty(), "{code:?}: {said}");

    let mut all = at_terminal("destroy");
    all.arg("--include-data");
    let question = "Take the stack quickstart away?";
    let (code, said) = asked(&all, question).answered(NO);
    assert!(code == Some(2) && !stage.resources("managedclusters").is_empty(), "{code:?}: {said}");
    let (code, said) = asked(&all, question).answered(YES);
    assert!(code == Some(0) && stage.resources("/").is_empty(), "{code:?}: {said}");
}
