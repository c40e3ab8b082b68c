//! The `aksight` binary: nothing but the faces in [`cli`], and the door through which terraform starts the stand-in provider.

mod cli;

use std::io::Write as _;
use std::path::PathBuf;

use aksight::sim::tfplugin;

fn main() -> cli::Exit {
    // The stand-in provider is this very file under another name; terraform reads its standard output, so it comes first.
    if tfplugin::is_plugin_launch(|name| std::env::var(name).ok()) {
        return plugin();
    }
    if std::env::args_os().next().map(PathBuf::from).is_some_and(|program| tfplugin::is_plugin_name(&program)) {
        drop(writeln!(anstream::stderr(), "{}", tfplugin::BY_HAND));
        return cli::Exit::Error;
    }
    cli::main()
}

fn plugin() -> cli::Exit {
    // A second installation is refused and harmless: the provider is the same.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let served =
        tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(tfplugin::serve()).map_err(|error| error.to_string()));
    match served {
        Ok(Ok(())) => cli::Exit::Done,
        Ok(Err(error)) => {
            drop(writeln!(anstream::stderr(), "{error}"));
            cli::Exit::Error
        }
        Err(error) => {
            drop(writeln!(anstream::stderr(), "{error}"));
            cli::Exit::Error
        }
    }
}
