//! The provider's place on disk: a filesystem mirror in which the provider is a link to this very program.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::VERSION;

/// The registries whose `hashicorp/azurerm` the mirror stands in for: Terraform's and `OpenTofu`'s.
const REGISTRIES: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// Lays out the mirror below `dir` with `executable` as the provider, and writes the CLI configuration that makes Terraform use
/// it for azurerm and nothing else. Returns that file's path, for `TF_CLI_CONFIG_FILE`. Doing it again changes nothing.
///
/// # Errors
/// When `dir` cannot be written.
pub fn install_mirror(dir: &Path, executable: &Path) -> io::Result<PathBuf> {
    let root = dir.join("mirror");
    for registry in REGISTRIES {
        let package = root.join(registry).join("hashicorp/azurerm").join(VERSION).join(platform());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&package)?;
        let link = package.join(format!("terraform-provider-azurerm_v{VERSION}"));
        match fs::read_link(&link) {
            Ok(target) if target == executable => continue,
            Ok(_) => fs::remove_file(&link)?,
            Err(_) => {}
        }
        symlink(executable, &link)?;
    }
    let file = dir.join("terraform.rc");
    let mut out = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&file)?;
    out.write_all(configuration(&root).as_bytes())?;
    Ok(file)
}

fn configuration(root: &Path) -> String {
    let names: Vec<String> = REGISTRIES.iter().map(|registry| format!("\"{registry}/hashicorp/azurerm\"")).collect();
    let names = names.join(", ");
    let mirror = hcl_edit::expr::Expression::from(root.to_string_lossy().into_owned());
    format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path    = {mirror}\n    include = [{names}]\n  }}\n  \
         direct {{\n    exclude = [{names}]\n  }}\n}}\n"
    )
}

/// The platform as Terraform names it.
fn platform() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}_{machine}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_mirror_links_to_the_program_and_can_be_laid_out_again() {
        let dir = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        install_mirror(dir.path(), Path::new("/gone/aksight")).unwrap();
        let file = install_mirror(dir.path(), &program).unwrap();
        for registry in REGISTRIES {
            let link = dir.path().join(format!(
                "mirror/{registry}/hashicorp/azurerm/{VERSION}/{}/terraform-provider-azurerm_v{VERSION}",
                platform()
            ));
            assert_eq!(fs::canonicalize(link).unwrap(), fs::canonicalize(&program).unwrap());
        }
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_path_with_quotes_stays_a_path() {
        insta::assert_snapshot!(configuration(Path::new("/tmp/a\"${b}")), @r#"
        provider_installation {
          filesystem_mirror {
            path    = "/tmp/a\"$${b}"
            include = ["registry.terraform.io/hashicorp/azurerm", "registry.opentofu.org/hashicorp/azurerm"]
          }
          direct {
            exclude = ["registry.terraform.io/hashicorp/azurerm", "registry.opentofu.org/hashicorp/azurerm"]
          }
        }
        "#);
    }
}
