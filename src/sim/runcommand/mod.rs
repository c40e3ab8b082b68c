//! AKS run-command: a shell in a pod of the cluster, with files (contract §5.9). Interpreted in-process: nothing is executed.

pub mod api;
pub mod arguments;
pub mod kubectl;
pub mod shell;

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use base64::Engine as _;
use kubectl::{Output, Session};
use shell::After;

/// Output is cut at this size.
pub const LOG_LIMIT: usize = 512 * 1024;

/// Reads the ZIP that comes as `context`.
///
/// # Errors
/// Why the context cannot be unpacked.
pub fn unpack(context: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    // The az CLI sends base64 with line breaks.
    let compact: String = context.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if compact.is_empty() {
        return Ok(BTreeMap::new());
    }
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(compact).map_err(|why| format!("context is not base64: {why}"))?;
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|why| format!("context is not a ZIP archive: {why}"))?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|why| why.to_string())?;
        if entry.is_file() {
            let mut bytes = Vec::new();
            entry.by_ref().take(4 << 20).read_to_end(&mut bytes).map_err(|why| why.to_string())?;
            files.insert(entry.name().trim_start_matches("./").to_owned(), bytes);
        }
    }
    Ok(files)
}

/// Runs a command line and answers its mixed output and its exit code.
pub fn run(session: &mut Session, line: &str) -> (String, i32) {
    let commands = match shell::parse(line) {
        Ok(commands) => commands,
        Err(why) => return (format!("{why}\n"), 2),
    };
    let (mut logs, mut code) = (String::new(), 0);
    let mut stop_on_failure = false;
    for command in commands {
        let runs = match command.after {
            After::Always => true,
            After::Success => code == 0,
            After::Failure => code != 0,
        };
        if !runs {
            continue;
        }
        let output = match command.words.split_first() {
            Some((program, rest)) => match (program.as_str(), rest) {
                ("set", rest) => {
                    stop_on_failure |= rest.iter().any(|flag| flag.starts_with('-') && flag.contains('e'));
                    Output::default()
                }
                ("exit", rest) => return (logs, rest.first().and_then(|code| code.parse().ok()).unwrap_or(code)),
                _ => program_output(session, program, rest),
            },
            None => Output::default(),
        };
        code = output.code;
        if !command.silent {
            logs.push_str(&output.out);
        }
        if !command.quiet {
            logs.push_str(&output.err);
        }
        if stop_on_failure && code != 0 {
            break;
        }
    }
    if logs.len() > LOG_LIMIT {
        let mut end = LOG_LIMIT;
        while !logs.is_char_boundary(end) {
            end -= 1;
        }
        logs.truncate(end);
    }
    (logs, code)
}

fn program_output(session: &mut Session, program: &str, words: &[String]) -> Output {
    let printed = |out: String| Output { out, ..Output::default() };
    match program {
        "kubectl" => session.kubectl(words),
        "echo" => printed(format!("{}\n", words.join(" "))),
        "true" | "sleep" | ":" => Output::default(),
        "false" => Output { code: 1, ..Output::default() },
        "cat" => {
            let missing = words.iter().find(|file| !session.files.contains_key(file.trim_start_matches("./")));
            let found = words.iter().filter_map(|file| session.files.get(file.trim_start_matches("./")));
            Output {
                out: found.map(|content| String::from_utf8_lossy(content)).collect(),
                err: missing.map(|file| format!("cat: {file}: No such file or directory\n")).unwrap_or_default(),
                code: i32::from(missing.is_some()),
            }
        }
        other => Output { err: format!("/bin/sh: {other}: command not found\n"), code: 127, ..Output::default() },
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::sim::effects::cluster::{Cluster, sample};
    use crate::sim::effects::life::Life;
    use crate::sim::kube::store::Store;
    use crate::sim::kube::{settings_data, system};

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ama-metrics-settings-configmap, namespace: kube-system}\n\
                       data:\n  schema-version: v1\n";

    struct Rig {
        store: Store,
        files: BTreeMap<String, Vec<u8>>,
    }

    impl Rig {
        fn new(files: &[(&str, &str)]) -> Self {
            let mut store = Store::default();
            let cluster = Cluster::read(&sample::body(true)).unwrap();
            store.sync(system::objects(&cluster, &Life::default(), Timestamp::UNIX_EPOCH));
            Self { store, files: files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect() }
        }

        fn run_as(&mut self, stranger: Option<&str>, line: &str) -> (String, i32) {
            let now = Timestamp::UNIX_EPOCH;
            let mut session =
                Session { store: &mut self.store, files: &self.files, version: "1.33.2", stranger, now, waited: false };
            run(&mut session, line)
        }

        fn run(&mut self, line: &str) -> (String, i32) {
            self.run_as(None, line)
        }
    }

    #[test]
    fn the_map_is_read_written_and_read_again() {
        let mut rig = Rig::new(&[("cm.yaml", MAP)]);
        let get = "kubectl -n kube-system get cm ama-metrics-settings-configmap -o json";
        let (logs, code) = rig.run(get);
        insta::assert_snapshot!(logs, @r#"Error from server (NotFound): configmaps "ama-metrics-settings-configmap" not found"#);
        assert_eq!(code, 1);
        assert_eq!(rig.run(&format!("{get} --ignore-not-found")), (String::new(), 0));
        assert_eq!(rig.run("kubectl apply -f cm.yaml"), ("configmap/ama-metrics-settings-configmap created\n".into(), 0));
        assert_eq!(rig.run("kubectl apply -f cm.yaml"), ("configmap/ama-metrics-settings-configmap unchanged\n".into(), 0));
        rig.files.insert("cm.yaml".into(), MAP.replace("schema-version: v1", "config-version: x").into_bytes());
        assert_eq!(rig.run("kubectl apply -f cm.yaml"), ("configmap/ama-metrics-settings-configmap configured\n".into(), 0));
        assert_eq!(settings_data(&rig.store).unwrap().into_keys().collect::<Vec<_>>(), ["config-version"]);
        let (logs, code) = rig.run(get);
        let object: serde_json::Value = serde_json::from_str(&logs).unwrap();
        assert_eq!((object["data"]["config-version"].as_str(), code), (Some("x"), 0));
    }

    #[test]
    fn replace_with_a_stale_version_conflicts() {
        let mut rig = Rig::new(&[("cm.yaml", MAP), ("old.yaml", &MAP.replace("{name:", "{resourceVersion: \"1\", name:"))]);
        rig.run("kubectl create -f cm.yaml");
        let (logs, code) = rig.run("kubectl replace -f old.yaml");
        assert!(logs.starts_with("Error from server (Conflict): Operation cannot be fulfilled on configmaps"), "{logs}");
        assert_eq!(code, 1);
        assert!(rig.run("kubectl create -f cm.yaml").0.contains("(AlreadyExists)"));
    }

    #[test]
    fn lists_rollouts_and_patches() {
        let mut rig = Rig::new(&[]);
        let (logs, _) = rig.run("kubectl -n kube-system get ds,deploy -o name");
        insta::assert_snapshot!(logs, @r"
        daemonset.apps/cilium
        daemonset.apps/cloud-node-manager
        deployment.apps/coredns
        deployment.apps/konnectivity-agent
        deployment.apps/metrics-server
        ");
        let (logs, code) = rig.run(
            "kubectl -n kube-system rollout restart ds/cilium deploy/coredns && kubectl -n kube-system rollout status ds/cilium",
        );
        insta::assert_snapshot!(logs, @r#"
        daemonset.apps/cilium restarted
        deployment.apps/coredns restarted
        daemon set "cilium" successfully rolled out
        "#);
        assert_eq!(code, 0);
        assert_eq!(crate::sim::kube::restarted(&rig.store).len(), 2);
        assert_eq!(rig.run("kubectl -n kube-system annotate ds/cilium a/b=c").0, "daemonset.apps/cilium annotated\n");
        assert_eq!(
            rig.run(r#"kubectl -n kube-system patch ds cilium --type=merge -p '{"metadata":{"labels":{"x":"y"}}}'"#).0,
            "daemonset.apps/cilium patched\n"
        );
        let (logs, _) = rig.run("kubectl get nodes,ns -o json");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&logs).unwrap()["items"].as_array().unwrap().len(), 6);
    }

    #[test]
    fn a_stranger_is_forbidden_and_told_who_he_is() {
        let mut rig = Rig::new(&[]);
        let (logs, code) = rig.run_as(Some("oid-1"), "kubectl -n kube-system get cm x");
        assert!(
            logs.starts_with(
                "Error from server (Forbidden): configmaps \"x\" is forbidden: User \"oid-1\" cannot get resource \"configmaps\""
            ),
            "{logs}"
        );
        assert_eq!(code, 1);
    }

    #[test]
    fn the_rest_fails_as_a_shell_would() {
        let mut rig = Rig::new(&[]);
        assert_eq!(rig.run("jq ."), ("/bin/sh: jq: command not found\n".into(), 127));
        assert_eq!(rig.run("kubectl frobnicate").1, 1);
        assert_eq!(rig.run("false || echo a; false && echo b; echo c").0, "a\nc\n");
        assert_eq!(rig.run("set -e; false; echo never"), (String::new(), 1));
        assert_eq!(rig.run("kubectl get cm | cat").1, 2);
        assert_eq!(rig.run("kubectl apply -f no.yaml").0, "error: the path \"no.yaml\" does not exist\n");
    }

    #[test]
    fn the_context_is_a_zip() {
        let mut bytes = Cursor::new(Vec::new());
        let mut archive = zip::ZipWriter::new(&mut bytes);
        archive.start_file("cm.yaml", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, MAP.as_bytes()).unwrap();
        archive.finish().unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes.into_inner());
        let (head, tail) = encoded.split_at(40);
        assert_eq!(unpack(&format!("{head}\n{tail}\n")).unwrap()["cm.yaml"], MAP.as_bytes());
        assert_eq!(unpack("").unwrap().len(), 0);
        assert!(unpack("%%%").is_err());
    }
}
