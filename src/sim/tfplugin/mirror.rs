//! The provider's place on disk: a filesystem mirror in which the provider is this very program under another name.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::VERSION;
use crate::host::{files, names};

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
        let package = root.join(registry).join("hashicorp/azurerm").join(VERSION).join(names::platform());
        files::make_private_dir(&package)?;
        let link = package.join(names::program(&format!("terraform-provider-azurerm_v{VERSION}")));
        files::link_program(executable, &link)?;
    }
    let file = dir.join("terraform.rc");
    files::create_private(&file)?.write_all(configuration(&root).as_bytes())?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_mirror_links_to_the_program_and_can_be_laid_out_again() {
        let dir = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let older = dir.path().join("older");
        fs::write(&older, "an older program").unwrap();
        install_mirror(dir.path(), &older).unwrap();
        install_mirror(dir.path(), &program).unwrap();
        for registry in REGISTRIES {
            let name = names::program(&format!("terraform-provider-azurerm_v{VERSION}"));
            let package = dir.path().join(format!("mirror/{registry}/hashicorp/azurerm/{VERSION}/{}", names::platform()));
            assert!(fs::read(package.join(name)).unwrap() == fs::read(&program).unwrap(), "{}", package.display());
        }
    }

    #[test]
    fn a_path_with_quotes_and_backslashes_stays_a_path() {
        insta::assert_snapshot!(configuration(Path::new(r#"C:\tmp\a"${b}"#)), @r#"
        provider_installation {
          filesystem_mirror {
            path    = "C:\\tmp\\a\"$${b}"
            include = ["registry.terraform.io/hashicorp/azurerm", "registry.opentofu.org/hashicorp/azurerm"]
          }
          direct {
            exclude = ["registry.terraform.io/hashicorp/azurerm", "registry.opentofu.org/hashicorp/azurerm"]
          }
        }
        "#);
    }
}
