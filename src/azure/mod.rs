//! Floor 5: ARM, Entra and the data planes over HTTP. Knows ARM, not AKS.
