package aksight.exposure_test

import data.aksight.exposure

ids(findings) := {finding.id | some finding in findings}

test_an_open_api_server_is_warned_of if {
	"AKS-POL-002" in ids(exposure.warn) with input as {"spec": {"cluster": {}}}
}

test_a_private_one_is_not if {
	count(exposure.warn) == 0 with input as {"spec": {"cluster": {"private": true}, "grafana": {"publicAccess": false}}}
}

test_an_open_grafana_beside_a_private_cluster_is_warned_of if {
	"AKS-POL-010" in ids(exposure.warn) with input as {"spec": {"cluster": {"private": true}, "grafana": {"publicAccess": true}}}
}

test_an_existing_grafana_is_not_ours_to_close if {
	count(exposure.warn) == 0 with input as {"spec": {"cluster": {"private": true}, "grafana": {"id": "x", "publicAccess": true}}}
}

test_a_fenced_one_is_not if {
	count(exposure.warn) == 0 with input as {"spec": {"cluster": {"authorizedIpRanges": ["203.0.113.0/24"]}}}
}

test_a_fence_around_the_whole_world_is_denied if {
	"AKS-POL-003" in ids(exposure.deny) with input as {"spec": {"cluster": {"authorizedIpRanges": ["0.0.0.0/0"]}}}
}

test_a_real_fence_is_not_denied if {
	count(exposure.deny) == 0 with input as {"spec": {"cluster": {"authorizedIpRanges": ["203.0.113.0/24"]}}}
}

test_local_accounts_beside_entra_are_warned_of if {
	"AKS-POL-004" in ids(exposure.warn) with input as {"spec": {"cluster": {"private": true, "entra": {"localAccounts": true}}}}
}

test_entra_alone_is_not if {
	count(exposure.warn) == 0 with input as {"spec": {"cluster": {"private": true, "entra": {"localAccounts": false}}, "grafana": {"publicAccess": false}}}
}

test_two_halves_of_the_world_are_denied if {
	count(exposure.deny) == 2 with input as {"spec": {"cluster": {"authorizedIpRanges": ["0.0.0.0/1", "128.0.0.0/1"]}}}
}

test_the_widest_network_of_ones_own_is_a_fence if {
	count(exposure.deny) == 0 with input as {"spec": {"cluster": {"authorizedIpRanges": ["10.0.0.0/8"]}}}
}
