// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/roster-dev/roster/internal/config"
)

type schema = map[string]any

// requiredFields of the configuration, without which neither manager nor portal starts.
func requiredFields() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[config.Mail]():    {"from", "smtp"},
		reflect.TypeFor[config.SMTP]():    {"address"},
		reflect.TypeFor[config.Issuer]():  {"name", "url", "clientID", "domains"},
		reflect.TypeFor[config.Network](): {"name"},
	}
}

func enums() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[config.TLSMode]():  {string(config.TLSStartTLS), string(config.TLSImplicit), string(config.TLSNone)},
		reflect.TypeFor[config.AuthMode](): {string(config.AuthPassword), string(config.AuthXOAUTH2)},
	}
}

const (
	durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	// Labels that the chart sets itself, some of which select Pods.
	ownLabels   = `^(app\.kubernetes\.io|helm\.sh|roster\.dev)/`
	portalField = "portal"
	mailField   = "mail"
)

// schemaOf is the JSON schema of the values: no field but these, each with the type that the chart wants.
func schemaOf(documented []value) ([]byte, error) {
	s := schemaFor(reflect.TypeFor[Values](), "")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Values of the Helm chart of Roster"
	fields, _ := s["properties"].(schema)
	fields["global"] = schema{"type": "object", "description": "What a chart that contains this one shares with all its parts. Not used."}
	for _, v := range documented {
		describe(s, strings.Split(v.path, "."), v.comment)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(s)
	return text.Bytes(), err
}

func describe(s schema, path []string, text string) {
	for _, name := range path {
		fields, _ := s["properties"].(schema)
		s, _ = fields[name].(schema)
	}
	s["description"] = text
}

func schemaFor(t reflect.Type, tag reflect.StructTag) schema {
	if values, ok := enums()[t]; ok {
		return schema{"type": "string", "enum": values}
	}
	if t == reflect.TypeFor[metav1.Duration]() {
		return schema{"type": "string", "pattern": durationPattern}
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t)
	case reflect.Map:
		return mapSchema(t)
	case reflect.Slice:
		return schema{"type": "array", "items": schemaFor(t.Elem(), "")}
	case reflect.Pointer:
		s := schemaFor(t.Elem(), tag)
		s["type"] = []any{s["type"], "null"}
		return s
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return schema{"type": "integer", "minimum": 0}
	case reflect.Float64: // a share
		return schema{"type": "number", "minimum": 0, "maximum": 1}
	case reflect.String:
		return stringSchema(tag)
	default: // any
		if types, ok := tag.Lookup("schema"); ok {
			return schema{"type": strings.Split(types, ",")}
		}
		return schema{}
	}
}

func mapSchema(t reflect.Type) schema {
	s := schema{"type": "object", "additionalProperties": schemaFor(t.Elem(), "")}
	if t == reflect.TypeFor[Labels]() {
		s["patternProperties"] = schema{ownLabels: false}
	}
	return s
}

func stringSchema(tag reflect.StructTag) schema {
	s := schema{"type": "string"}
	if values, ok := tag.Lookup("enum"); ok {
		s["enum"] = strings.Split(values, ",")
	}
	if pattern, ok := tag.Lookup("pattern"); ok {
		s["pattern"] = pattern
	}
	return s
}

func structSchema(t reflect.Type) schema {
	fields := schema{}
	for name, field := range fieldsOf(t) {
		fields[name] = schemaFor(field.Type, field.Tag)
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": fields}
	if required := requiredFields()[t]; required != nil {
		s["required"] = required
	}
	if t == reflect.TypeFor[config.Config]() {
		// An empty one stands for a ConfigMap of your own.
		s["if"] = schema{"minProperties": 1}
		s["then"] = schema{"required": []string{mailField, portalField}}
	}
	return s
}

// fieldsOf a struct by their names in JSON, those of embedded structs among them. What the chart sets itself is left out.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && len(field.Index) == 1 {
			fields[name] = field
		}
		if field.Anonymous && field.Type != reflect.TypeFor[metav1.TypeMeta]() {
			maps.Copy(fields, fieldsOf(field.Type))
		}
	}
	return fields
}
