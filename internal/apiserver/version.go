// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// The minor versions of Kubernetes that Roster is tested on, from and to. A test compares them with hack/controlplane and with the chart.
const (
	Oldest, oldestMinor = "1.34", 34
	Newest, newestMinor = "1.37", 37
)

// TooOld reports whether the version of an API server is older than Roster supports.
func TooOld(v *version.Info) bool {
	minor, ok := Minor(v)
	return ok && minor < oldestMinor
}

// Untested reports whether the version of an API server is newer than those that Roster is tested on. It probably works all the same.
func Untested(v *version.Info) bool {
	minor, ok := Minor(v)
	return ok && minor > newestMinor
}

// Minor is the minor version that an API server is of; false if it is not of Kubernetes 1. While a cluster is upgraded, an API server may
// behave like an older one: that version counts. It understands "37", and the "37+" of people who build Kubernetes with changes of their
// own.
func Minor(v *version.Info) (int, bool) {
	minor, err := strconv.Atoi(strings.TrimRight(cmp.Or(v.EmulationMinor, v.Minor), "+"))
	return minor, err == nil && v.Major == "1"
}

// LogVersion tells in the log what version the API server is of, and whether Roster supports it. An API server that does not tell is no
// reason not to start.
func LogVersion(config *rest.Config, log logr.Logger) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		log.Error(err, "The version of the API server is not known")
		return
	}
	v, err := client.ServerVersion()
	switch {
	case err != nil:
		log.Error(err, "The version of the API server is not known")
	case TooOld(v):
		log.Error(nil, "Kubernetes is older than Roster supports; upgrade the cluster", "version", v.GitVersion, "oldest", Oldest)
	case Untested(v):
		log.Info("Kubernetes is newer than this version of Roster is tested on", "version", v.GitVersion, "newest", Newest)
	default:
		log.Info("Kubernetes", "version", v.GitVersion)
	}
}
