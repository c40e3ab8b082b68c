//! Floor 2: what was seen in Azure, in terraform and in the cluster. Dated, possibly partial.
