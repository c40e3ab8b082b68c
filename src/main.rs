//! The `aksight` binary: nothing but the faces in [`cli`].

fn main() {}
