# What anybody on the internet can reach.
package aksight.exposure

# No network of anybody's own is wider than a /8; two halves of the internet are the internet.
wide(range) if to_number(split(range, "/")[1]) < 8

wide(range) if range == "0.0.0.0"

# METADATA
# title: the API server answers everybody on the internet
warn contains finding if {
	not object.get(input.spec, ["cluster", "private"], false)
	count(object.get(input.spec, ["cluster", "authorizedIpRanges"], [])) == 0
	finding := {
		"id": "AKS-POL-002",
		"message": "the API server answers everybody on the internet",
		"remedy": "set `cluster.private: true`, or list your networks in `cluster.authorizedIpRanges`",
		"subject": "cluster.authorizedIpRanges",
	}
}

# METADATA
# title: a range in `cluster.authorizedIpRanges` wider than a /8
deny contains finding if {
	some range in object.get(input.spec, ["cluster", "authorizedIpRanges"], [])
	wide(range)
	finding := {
		"id": "AKS-POL-003",
		"message": sprintf("`cluster.authorizedIpRanges` is no fence: `%s` is wider than a /8", [range]),
		"remedy": "list the networks that need the API server, or leave the list out and accept the warning",
		"subject": "cluster.authorizedIpRanges",
	}
}

# METADATA
# title: static cluster-admin credentials beside Entra
warn contains finding if {
	entra := input.spec.cluster.entra
	object.get(entra, "localAccounts", true)
	finding := {
		"id": "AKS-POL-004",
		"message": "people sign in with Entra, yet static cluster-admin credentials still work",
		"remedy": "set `cluster.entra.localAccounts: false`",
		"subject": "cluster.entra.localAccounts",
	}
}

# METADATA
# title: Grafana answers everybody on the internet, although the cluster is private
warn contains finding if {
	object.get(input.spec, ["grafana", "id"], "") == ""
	object.get(input.spec, ["grafana", "publicAccess"], true)
	object.get(input.spec, ["cluster", "private"], false)
	finding := {
		"id": "AKS-POL-010",
		"message": "Grafana answers everybody on the internet, although the cluster does not",
		"remedy": "set `grafana.publicAccess: false` and reach it by a private endpoint",
		"subject": "grafana.publicAccess",
	}
}
