//! The way into a cluster that may not exist yet when the program starts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Access, Error};
use crate::base::ArmObject;

/// What opening gives: the access, shared by everybody who opened the same cluster.
pub type Opened = Result<Arc<dyn Access>, Error>;

type Open = dyn Fn(ArmObject) -> Pin<Box<dyn Future<Output = Opened> + Send>> + Send + Sync;

/// Opens a cluster by its ARM body. How (API server or run-command) is decided by whoever made the door, once per cluster.
#[derive(Clone)]
pub struct Door(Arc<Open>);

impl Door {
    /// A door that opens with `open`.
    pub fn new<F>(open: impl Fn(ArmObject) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Opened> + Send + 'static,
    {
        Self(Arc::new(move |cluster| Box::pin(open(cluster))))
    }

    /// The access to this cluster.
    ///
    /// # Errors
    /// [`Error`] when neither way leads in.
    pub async fn open(&self, cluster: &ArmObject) -> Opened {
        (self.0)(cluster.clone()).await
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}
