// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/roster-dev/roster/internal/config"
)

// Values are what values.yaml may hold. Kubernetes checks what is handed on to it as it is: there, any says enough.
type Values struct {
	Config           config.Config `json:"config"`
	CRDs             CRDs          `json:"crds"`
	Policies         Policies      `json:"policies"`
	CredentialsRole  Switch        `json:"credentialsRole"`
	Console          Switch        `json:"console"`
	NetworkPolicy    Switch        `json:"networkPolicy"`
	PodMonitor       PodMonitor    `json:"podMonitor"`
	Tracing          Tracing       `json:"tracing"`
	CommonLabels     Labels        `json:"commonLabels"`
	ImagePullSecrets []struct {
		Name string `json:"name"`
	} `json:"imagePullSecrets"`
	Manager Manager `json:"manager"`
	Portal  Portal  `json:"portal"`
}

// Labels are none that the chart sets itself.
type Labels map[string]string

// Switch turns something on.
type Switch struct {
	Enabled bool `json:"enabled"`
}

// CRDs are the kinds of Roster.
type CRDs struct {
	Switch
	Keep bool `json:"keep"`
}

// Policies are the admission policies.
type Policies struct {
	Mutating string `json:"mutating" enum:"Auto,Always,Never"`
}

// PodMonitor is for the Prometheus Operator.
type PodMonitor struct {
	Switch
	Labels Labels `json:"labels"`
}

// Tracing is where traces go.
type Tracing struct {
	Endpoint string   `json:"endpoint" pattern:"^(https?://.+)?$"`
	Ratio    *float64 `json:"ratio"`
	Secret   string   `json:"secret"`
}

// Workload is what manager and portal have in common.
type Workload struct {
	Replicas                  *int32            `json:"replicas"`
	Image                     Image             `json:"image"`
	ServiceAccount            Annotated         `json:"serviceAccount"`
	Resources                 map[string]any    `json:"resources"`
	ExtraArgs                 []string          `json:"extraArgs"`
	ExtraEnv                  []map[string]any  `json:"extraEnv"`
	ExtraVolumes              []map[string]any  `json:"extraVolumes"`
	ExtraVolumeMounts         []map[string]any  `json:"extraVolumeMounts"`
	PodAnnotations            map[string]string `json:"podAnnotations"`
	PodLabels                 Labels            `json:"podLabels"`
	PriorityClassName         string            `json:"priorityClassName"`
	NodeSelector              map[string]string `json:"nodeSelector"`
	Tolerations               []map[string]any  `json:"tolerations"`
	Affinity                  map[string]any    `json:"affinity"`
	TopologySpreadConstraints []map[string]any  `json:"topologySpreadConstraints"`
}

// Annotated is an object that the values only add annotations to.
type Annotated struct {
	Annotations map[string]string `json:"annotations"`
}

// Image is where a container comes from.
type Image struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest" pattern:"^(sha256:[0-9a-f]{64})?$"`
	PullPolicy string `json:"pullPolicy" enum:"Always,IfNotPresent,Never"`
}

// Manager is the Deployment roster-manager.
type Manager struct {
	Workload
	TerminationGracePeriodSeconds int64 `json:"terminationGracePeriodSeconds"`
}

// Portal is the Deployment roster-portal, and what leads to it.
type Portal struct {
	Workload
	Autoscaling         Autoscaling `json:"autoscaling"`
	PodDisruptionBudget Budget      `json:"podDisruptionBudget"`
	Service             Service     `json:"service"`
	Ingress             Ingress     `json:"ingress"`
	HTTPRoute           HTTPRoute   `json:"httpRoute"`
}

// Autoscaling is the HorizontalPodAutoscaler.
type Autoscaling struct {
	Switch
	MinReplicas                    int32 `json:"minReplicas"`
	MaxReplicas                    int32 `json:"maxReplicas"`
	TargetCPUUtilizationPercentage int32 `json:"targetCPUUtilizationPercentage"`
}

// Budget is the PodDisruptionBudget.
type Budget struct {
	Switch
	MaxUnavailable any `json:"maxUnavailable" schema:"integer,string"`
}

// Service is what an Ingress or a route points to.
type Service struct {
	Annotated
	Type string `json:"type" enum:"ClusterIP,NodePort,LoadBalancer"`
	Port int32  `json:"port"`
}

// Ingress leads to the portal.
type Ingress struct {
	Switch
	Annotated
	Host      string `json:"host"`
	ClassName string `json:"className"`
	TLSSecret string `json:"tlsSecret"`
}

// HTTPRoute leads to the portal, too.
type HTTPRoute struct {
	Switch
	Annotated
	Host       string           `json:"host"`
	ParentRefs []map[string]any `json:"parentRefs"`
}

// value is one line of the table of values.
type value struct {
	path    string
	comment string
	// fallback is the default, as YAML on one line.
	fallback string
}

// readValues finds every value with its comment, and refuses a file that does not name just the fields of Values.
func readValues(data []byte) ([]value, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, err
	}
	return walk("", document.Content[0], reflect.TypeFor[Values]())
}

func walk(prefix string, node *yaml.Node, t reflect.Type) ([]value, error) {
	var all []value
	var errs []error
	fields := fieldsOf(t)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		path := prefix + key.Value
		field, known := fields[key.Value]
		if !known {
			errs = append(errs, fmt.Errorf("%s: hack/chart/values.go has no such field", path))
			continue
		}
		delete(fields, key.Value)
		if field.Type.Kind() == reflect.Struct && len(content.Content) > 0 {
			below, err := walk(path+".", content, field.Type)
			all, errs = append(all, below...), append(errs, err)
			continue
		}
		v, err := leaf(path, key, content)
		all, errs = append(all, v), append(errs, err)
	}
	for name := range fields {
		errs = append(errs, fmt.Errorf("%s%s: is missing", prefix, name))
	}
	return all, errors.Join(errs...)
}

func leaf(path string, key, content *yaml.Node) (value, error) {
	comment := strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(key.HeadComment, "\n# ", " "), "# ", ""))
	if comment == "" {
		return value{}, fmt.Errorf("%s: has no comment", path)
	}
	var fallback any
	if err := content.Decode(&fallback); err != nil {
		return value{}, fmt.Errorf("%s: %w", path, err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(fallback)
	return value{path: path, comment: comment, fallback: strings.TrimSpace(text.String())}, err
}
