//! The image's definition, which is built elsewhere: it says what the program, terraform's pin and the manifests say.

use std::collections::BTreeMap;
use std::path::Path;

use super::{read, yaml};
use crate::{TOP, aksight, text};

/// Instructions with what follows them, continued lines joined and comments left out.
fn instructions() -> Vec<(String, String)> {
    let text = read(&Path::new(TOP).join("image/Containerfile")).replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let split = |line: &str| line.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()));
    lines.map(|line| split(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

fn all<'a>(of: &'a [(String, String)], word: &str) -> Vec<&'a str> {
    of.iter().filter(|(name, _)| name == word).map(|(_, rest)| rest.as_str()).collect()
}

/// The last stage alone: what is in the image.
fn last() -> Vec<(String, String)> {
    let all = instructions();
    let from = all.iter().rposition(|(word, _)| word == "FROM").unwrap();
    all[from..].to_vec()
}

#[test]
fn its_terraform_is_the_one_that_aksight_would_fetch() {
    let all_of_it = instructions();
    let arguments: BTreeMap<&str, &str> = all(&all_of_it, "ARG").into_iter().filter_map(|line| line.split_once('=')).collect();
    assert_eq!(arguments["TERRAFORM_VERSION"], aksight::terraform::PINNED.to_string());
    let pins = read(&Path::new(TOP).join("src/terraform/install.rs"));
    for (argument, platform) in [("TERRAFORM_SHA256_AMD64", "linux_amd64"), ("TERRAFORM_SHA256_ARM64", "linux_arm64")] {
        let pin = format!("(\"{platform}\", \"{}\")", arguments[argument]);
        assert!(pins.contains(&pin), "{pin}");
    }
    let fetch = all(&all_of_it, "RUN").into_iter().find(|run| run.contains("curl")).unwrap();
    let place = |part: &str| fetch.find(part).unwrap_or_else(|| panic!("no `{part}` in {fetch}"));
    assert!(fetch.starts_with("set -eu;") && place("curl --fail") < place("sha256sum --check"));
    assert!(place("sha256sum --check") < place("unzip"), "unpacked before it was checked");
    assert!(fetch.contains(&format!("\"{}/terraform/", aksight::terraform::OFFICIAL_BASE)));
}

/// The image has what terraform is told to use, and needs what aksight generates.
#[test]
fn it_holds_the_mirror_that_terraform_reads() {
    let (image, mirror) = (last(), "/opt/terraform/providers");
    let copies = all(&image, "COPY");
    assert!(copies.contains(&format!("--from=terraform /providers {mirror}").as_str()));
    assert!(read(&Path::new(TOP).join("image/terraform.rc")).contains(&format!("path = \"{mirror}\"")));
    let set = all(&image, "ENV").join(" ");
    let variable = |name: &str| set.split(' ').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap();
    assert!(copies.contains(&format!("image/terraform.rc {}", variable("TF_CLI_CONFIG_FILE")).as_str()));
    for program in ["aksight", "terraform"] {
        let path = format!(" {}/{program}", variable("PATH"));
        assert!(copies.iter().any(|copy| copy.ends_with(&path)), "{program} is not on the PATH");
    }
    for copied in all(&instructions(), "COPY").into_iter().filter(|line| !line.starts_with("--from")) {
        let source = copied.split(' ').next().unwrap();
        assert!(Path::new(TOP).join(source).exists(), "{source}");
    }
}

/// Who it runs as, where it stands and what it starts: the same as the manifests say, and a program that takes their words.
#[test]
fn it_runs_as_the_manifests_say() {
    let image = last();
    let pod = yaml("kubernetes/daemon/deployment.yaml")["spec"]["template"]["spec"].clone();
    let (user, group) = (&pod["securityContext"]["runAsUser"], &pod["securityContext"]["runAsGroup"]);
    assert_eq!(all(&image, "USER"), [format!("{user}:{group}")]);
    assert!(user.as_u64() > Some(0), "a number, so that Kubernetes sees that it is not root");
    let container = &pod["containers"][0];
    assert!(container["command"].is_null(), "the entry point is the image's");
    assert_eq!(all(&image, "ENTRYPOINT"), ["[\"/usr/local/bin/aksight\"]"]);
    assert!(all(&image, "CMD").is_empty() && all(&image, "HEALTHCHECK").is_empty());
    let writable: Vec<&str> =
        container["volumeMounts"].as_array().unwrap().iter().filter_map(|mount| mount["mountPath"].as_str()).collect();
    assert!(writable.contains(&all(&image, "WORKDIR")[0]), "{writable:?}");
    // A root that is read-only: nothing is run in the last stage, and nothing is written by it.
    assert!(all(&image, "RUN").is_empty() && all(&image, "VOLUME").is_empty());
    assert_eq!(text(&aksight(Path::new(TOP), &["version"]).stdout), format!("aksight {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_secret_gets_into_it() {
    let variables: Vec<String> =
        instructions().into_iter().filter(|(word, _)| word == "ARG" || word == "ENV").map(|at| at.1).collect();
    let suspicious = ["SECRET", "TOKEN", "PASSWORD", "ARM_", "AZURE_"];
    assert!(!variables.iter().any(|line| suspicious.iter().any(|part| line.contains(part))), "{variables:?}");
    let left_out = read(&Path::new(TOP).join(".dockerignore"));
    for path in [".git", "target", "**/.aksight", "**/.terraform", "**/*.tfstate*"] {
        assert!(left_out.lines().any(|line| line == path), "{path}");
    }
}
