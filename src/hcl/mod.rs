//! Floor 4: the wish as Terraform files. The only room in which user text becomes HCL.
