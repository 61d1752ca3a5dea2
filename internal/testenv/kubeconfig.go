// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes a way to an API server into a file, for programs that start from one: with the namespace as the current one, if it
// names any.
func WriteKubeconfig(file string, way *rest.Config, namespace string) error {
	const name = "test"
	server := way.Host
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	c := clientcmdapi.NewConfig()
	c.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: way.CAData}
	c.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: way.CertData, ClientKeyData: way.KeyData, Token: way.BearerToken}
	c.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	c.CurrentContext = name
	return clientcmd.WriteToFile(*c, file)
}

// LoginServiceAccount is Login for one beside manager and portal, with the groups that every ServiceAccount has.
func (c *Cluster) LoginServiceAccount(name string) (*rest.Config, error) {
	const group = "system:serviceaccounts"
	return c.Login("system:serviceaccount:"+SystemNamespace+":"+name, group, group+":"+SystemNamespace)
}
