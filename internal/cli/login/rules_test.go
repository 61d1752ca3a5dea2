// SPDX-License-Identifier: Apache-2.0

package login

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func TestWhereABrowserIs(t *testing.T) {
	for name, c := range map[string]struct {
		system string
		env    map[string]string
		want   bool
	}{
		"a desktop":                      {"linux", map[string]string{"DISPLAY": ":0"}, true},
		"a desktop with Wayland":         {"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, true},
		"a server":                       {"linux", nil, false},
		"a Mac":                          {"darwin", nil, true},
		"Windows":                        {"windows", nil, true},
		"a Mac, from elsewhere":          {"darwin", map[string]string{"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, false},
		"a server with a way to do it":   {"linux", map[string]string{"SSH_CONNECTION": "x", "BROWSER": "/usr/local/bin/on-my-desk"}, true},
		"a desktop that is a server now": {"linux", map[string]string{"DISPLAY": "localhost:10", "SSH_CONNECTION": "x"}, false},
	} {
		if got := hasBrowser(c.system, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What login writes is what credential and the next login read.
func TestTheEntryIsReadAsItWasWritten(t *testing.T) {
	for _, args := range [][]string{
		{"--issuer=https://roster.acme.example"},
		{"--issuer=https://roster.acme.example", "--client-id=staging", "--certificate-authority-data=QUJD", "--device"},
		{"--issuer=https://roster.acme.example", "--skip-open-browser", "--listen-address=127.0.0.1:8000"},
	} {
		var o options
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.addFlags(flags)
		if err := flags.Parse(args); err != nil {
			t.Fatal(err)
		}
		read, ours := parse(o.user())
		if !ours || read != o {
			t.Errorf("%v: read %+v, wrote %+v", args, read, o)
		}
		// A newer plugin may have written more.
		newer := o.user()
		newer.Exec.Args = append(newer.Exec.Args, "--something-new=1")
		if _, ours := parse(newer); !ours {
			t.Errorf("%v is not ours", newer.Exec.Args)
		}
	}
	for name, user := range map[string]*clientcmdapi.AuthInfo{
		"nobody": nil, "a token": {Token: "x"},
		"another plugin": {Exec: &clientcmdapi.ExecConfig{Command: "kubectl", Args: []string{"oidc-login", "get-token"}}},
		"no issuer":      {Exec: &clientcmdapi.ExecConfig{Command: execCommand, Args: []string{credentialName}}},
	} {
		if _, ours := parse(user); ours {
			t.Errorf("%s is taken for a sign-in of Roster", name)
		}
	}
}

func TestWhatIsAddedToTheKubeconfig(t *testing.T) {
	o := &options{issuer: "https://roster.acme.example:8443", clientID: defaultClient, listen: anyPort}
	const user = "roster-roster.acme.example-8443"
	for name, c := range map[string]struct {
		user    *clientcmdapi.AuthInfo
		context string
		says    string
	}{
		"somebody else's context stays": {&clientcmdapi.AuthInfo{Token: "x"}, user + "@prod", "Back to the one before: kubectl config use-context here"},
		"a context without a user":      {nil, "here", "The context here signs in like that from now on"},
		"one of another portal":         {(&options{issuer: "https://old.example", clientID: "kubectl", listen: anyPort}).user(), "here", "The context here"},
	} {
		t.Run(name, func(t *testing.T) {
			config := clientcmdapi.NewConfig()
			config.Clusters["prod"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
			config.Contexts["here"] = &clientcmdapi.Context{Cluster: "prod", AuthInfo: "me", Namespace: "acme"}
			config.CurrentContext = "here"
			if c.user != nil {
				config.AuthInfos["me"] = c.user
			}
			note, err := o.add(config, "here")
			if err != nil || !strings.Contains(note, c.says) {
				t.Errorf("%q, %v", note, err)
			}
			context := config.Contexts[config.CurrentContext]
			if config.CurrentContext != c.context || context.AuthInfo != user || context.Cluster != "prod" || context.Namespace != "acme" ||
				config.AuthInfos[user] == nil {
				t.Errorf("the context %s is %+v", config.CurrentContext, context)
			}
		})
	}
	if _, err := o.add(clientcmdapi.NewConfig(), ""); err == nil || !strings.Contains(err.Error(), "--write-kubeconfig=false") {
		t.Errorf("without a cluster: %v", err)
	}
}

func TestWhatKubectlWants(t *testing.T) {
	for name, c := range map[string]struct {
		info     string
		terminal bool
		asks     bool
		fails    string
	}{
		"somebody to ask": {`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":true}}`, false, true, ""},
		"nobody to ask":   {`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`, true, false, ""},
		"by hand":         {"", true, true, ""},
		"in a script":     {"", false, false, ""},
		"too old":         {`{"apiVersion":"client.authentication.k8s.io/v1alpha1"}`, true, false, "write apiVersion: client.authentication.k8s.io/v1 in the kubeconfig"},
		"nonsense":        {`x`, true, false, "KUBERNETES_EXEC_INFO is no ExecCredential"},
	} {
		request, err := readRequest(c.info, c.terminal)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || request.Spec.Interactive != c.asks {
			t.Errorf("%s: %+v, %v", name, request.Spec, err)
		}
	}
}
