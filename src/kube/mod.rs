//! Floor 5: the cluster, through its API server or through AKS run-command.
