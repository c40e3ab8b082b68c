//! Floor 5: the terraform (or OpenTofu) binary as a child process.
