// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ApplicationType is how an application keeps to itself what it is given.
// +kubebuilder:validation:Enum=Web;Native
type ApplicationType string

// The types of applications.
const (
	// ApplicationWeb runs on a server and keeps a client secret.
	ApplicationWeb ApplicationType = "Web"
	// ApplicationNative runs on people's devices and has no secret: a command line, a desktop or mobile app (RFC 8252).
	ApplicationNative ApplicationType = "Native"
)

// ApplicationFactor is the second factor that an application asks for.
// +kubebuilder:validation:Enum=AsOrganization;Required;PhishingResistant
type ApplicationFactor string

// The second factors that an application can ask for.
const (
	// ApplicationFactorAsOrganization asks for what the organisation asks for.
	ApplicationFactorAsOrganization ApplicationFactor = "AsOrganization"
	// ApplicationFactorRequired asks everybody for a second factor.
	ApplicationFactorRequired ApplicationFactor = "Required"
	// ApplicationFactorPhishingResistant asks everybody for a passkey.
	ApplicationFactorPhishingResistant ApplicationFactor = "PhishingResistant"
)

// SubjectType is what the subject of tokens stands for.
// +kubebuilder:validation:Enum=Public;Pairwise
type SubjectType string

// The subject types, named as in OpenID Connect Core 1.0, section 8.
const (
	// SubjectPublic: one person has one subject, in every organisation.
	SubjectPublic SubjectType = "Public"
	// SubjectPairwise: one person has another subject in each organisation, so that two of them cannot tell by it that they share somebody.
	SubjectPairwise SubjectType = "Pairwise"
)

// ApplicationRole is a role whose holders may sign in: one that a Member can have in the organisation.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self in ['Owner', 'CoOwner', 'Manager', 'AdvancedMember', 'Member', 'ProfileConnector'] || self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="must be Owner, CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or the name of a CustomRole, which is in lower case"
type ApplicationRole = string

// ApplicationMembers are who may sign in. Somebody to whom one of the two lists applies may.
//
// +kubebuilder:validation:XValidation:rule="has(self.roles) || has(self.teams)",message="must name roles or teams; leave members out if every active Member may sign in"
type ApplicationMembers struct {
	// roles in the organisation: Owner, CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or names of CustomRoles.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Roles []ApplicationRole `json:"roles,omitempty"`

	// teams are the names of Teams.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Teams []ObjectName `json:"teams,omitempty"`
}

// ApplicationSpec is a tool and who may sign in to it.
type ApplicationSpec struct {
	// displayName is the name that people know the tool by. If left out, it is the name of the object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	// +kubebuilder:validation:XValidation:rule="self.trim().size() > 0 && !self.matches('[\\\\x00-\\\\x1f\\\\x7f-\\\\x9f\\\\x{ad}\\\\x{200b}\\\\x{200e}\\\\x{200f}\\\\x{202a}-\\\\x{202e}\\\\x{2028}\\\\x{2029}\\\\x{2060}-\\\\x{2069}\\\\x{feff}]')",message="must be one line that is not blank, without characters that cannot be seen (such as U+202E): people read it where they are asked whether to sign in"
	DisplayName string `json:"displayName,omitempty"`

	// type is Web for a tool on a server, which gets a client secret, or Native for one on people's devices, which has none.
	// +optional
	// +kubebuilder:default=Web
	Type ApplicationType `json:"type,omitempty"`

	// url is where people open the tool, such as https://social.example.com. It may be left out for a tool without pages.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://') && isURL(self) && url(self).getHostname().size() > 0",message="must be an http or https address such as https://social.example.com"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z]+://[^/?#]*@') && !self.matches('[\\\\x00-\\\\x20\\\\x7f\\\\\\\\]')",message="must name no user before the host, and have no spaces, control characters or backslashes"
	URL string `json:"url,omitempty"`

	// listed puts the tool, at its url, among the environments of the organisation: in the mail, on the welcome page and on the page of the
	// organisation, for those who may sign in to it.
	// +optional
	Listed *bool `json:"listed,omitempty"`

	// redirectURIs are the only addresses that people are sent back to with a code, compared character by character. They are https, or http
	// on the person's own device (localhost, 127.0.0.1, [::1]), where the port may differ for a Native application.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	RedirectURIs []ReturnAddress `json:"redirectURIs,omitempty"`

	// postLogoutRedirectURIs are the only addresses that people are sent back to after they have signed out.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	PostLogoutRedirectURIs []ReturnAddress `json:"postLogoutRedirectURIs,omitempty"`

	// backChannelLogoutURI is where the portal tells the tool that somebody's sign-in has ended (OpenID Connect Back-Channel Logout 1.0).
	// +optional
	BackChannelLogoutURI ReturnAddress `json:"backChannelLogoutURI,omitempty"`

	// members are who may sign in. If left out, every active Member may.
	// +optional
	Members *ApplicationMembers `json:"members,omitempty"`

	// multiFactor is the second factor that a sign-in needs: AsOrganization (what the organisation asks for), Required, or PhishingResistant
	// (a passkey).
	// +optional
	// +kubebuilder:default=AsOrganization
	MultiFactor ApplicationFactor `json:"multiFactor,omitempty"`

	// subjectType is Public if a person has the same subject in every organisation, or Pairwise if they have another one in each.
	// +optional
	// +kubebuilder:default=Public
	SubjectType SubjectType `json:"subjectType,omitempty"`

	// secretName is the Secret that the operator keeps the client ID, the client secret and the issuer in, for a Web application. If left out,
	// it is the name of the Application and -openid. It cannot be changed.
	// +optional
	SecretName ObjectName `json:"secretName,omitempty"`

	// secretHash is the SHA-256 hash, in base64url without padding, of a client secret that you have made yourself for a Web application, of
	// 32 random bytes. The operator then makes none, and needs no rights to Secrets. The hash is not confidential if the secret is random.
	// +optional
	// +kubebuilder:validation:MinLength=43
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$')",message="must be a SHA-256 hash in base64url without padding, of 43 characters: printf %s \"$secret\" | openssl dgst -sha256 -binary | basenc --base64url | tr -d ="
	SecretHash string `json:"secretHash,omitempty"`

	// secretOverlap is for how long the former client secret counts beside a new one, between 0s and 168h. With 0s it stops counting at once.
	// +optional
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[hms])+$') && duration(self) <= duration('168h')",message="must be between 0s and 168h (7 days), written in hours, minutes and seconds, such as 24h"
	SecretOverlap *metav1.Duration `json:"secretOverlap,omitempty"`
}

// ReturnAddress is an address that the portal sends people, or messages about them, to.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=1000
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._~:/?@!$&()+,;=%\\\\[\\\\]-]+$')",message="must have only the characters of a URL, and no wildcard (*), fragment (#), space or backslash: addresses are compared character by character. Write a host of other letters in its xn-- form"
// +kubebuilder:validation:XValidation:rule="isURL(self) && (self.startsWith('https://') && url(self).getHostname().size() > 0 || self.startsWith('http://') && url(self).getHostname() in ['localhost', '127.0.0.1', '::1', '[::1]'])",message="must be an https address such as https://social.example.com/callback, or http on localhost, 127.0.0.1 or [::1]; other schemes are not taken"
// +kubebuilder:validation:XValidation:rule="!self.matches('^[^/]*//[^/?]*@')",message="must name no user before the host: take out what stands before the @"
type ReturnAddress = string

// ApplicationStatus is the state of the application.
type ApplicationStatus struct {
	// conditions report the state of the object: Ready, and Stalled if something must be changed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the status describes; -1 until the operator has looked at the object.
	// +optional
	// +kubebuilder:default=-1
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// clientID is what the tool calls itself: the namespace, a dot and the name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	ClientID string `json:"clientID,omitempty"`

	// secretRef names the Secret with clientID, clientSecret and issuer.
	// +optional
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// secretHashes are the SHA-256 hashes, in base64url, of the client secrets that count: the one in the Secret, and for spec.secretOverlap
	// the one before it. The secrets are random, so that a hash tells nothing about one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	SecretHashes []SecretHash `json:"secretHashes,omitempty"`
}

// SecretHash is the hash of a client secret.
type SecretHash struct {
	// sha256 of the secret, in base64url without padding.
	// +required
	// +kubebuilder:validation:MinLength=43
	// +kubebuilder:validation:MaxLength=43
	SHA256 string `json:"sha256,omitempty"`

	// expiryTime is when the secret stops counting. The one in the Secret has none.
	// +optional
	ExpiryTime *metav1.Time `json:"expiryTime,omitempty"`
}

// Application is a tool that the members of the organisation sign in to with the account that they have at Roster's portal (OpenID
// Connect). What they may do there is for the tool to ask: tokens say who somebody is, in which organisation, with which role and teams.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rapp,categories=roster
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Client-ID",type=string,JSONPath=`.status.clientID`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
//
// +kubebuilder:validation:XValidation:rule="self.spec.type != 'Web' || has(self.spec.redirectURIs) && self.spec.redirectURIs.size() > 0",message="spec.redirectURIs must name at least one address for an application of type Web, such as https://social.example.com/callback"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.listed) || !self.spec.listed || has(self.spec.url)",message="spec.url is needed for an application that is listed: it is where people are sent"
// +kubebuilder:validation:XValidation:rule="self.spec.type == 'Web' || !has(self.spec.secretName) && !has(self.spec.secretHash)",message="spec.secretName and spec.secretHash are for applications of type Web: a Native one has no client secret, since everybody who has the program could read it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.secretName) || !has(self.spec.secretHash)",message="name either spec.secretName, for a client secret that the operator makes, or spec.secretHash, for one that you have made"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 246 || self.spec.type != 'Web' || has(self.spec.secretName) || has(self.spec.secretHash)",message="metadata.name is too long for the Secret, whose name is that and -openid: choose a name of at most 246 characters, or name the Secret in spec.secretName"
// +kubebuilder:validation:XValidation:rule="self.spec.type != 'Web' || oldSelf.spec.type != 'Web' || has(self.spec.secretHash) || has(oldSelf.spec.secretHash) || (has(self.spec.secretName) ? self.spec.secretName : '-') == (has(oldSelf.spec.secretName) ? oldSelf.spec.secretName : '-')",message="spec.secretName cannot be changed, since the former Secret would stay: delete the Application and create another"
type Application struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is a tool and who may sign in to it.
	// +required
	Spec ApplicationSpec `json:"spec,omitzero"`

	// status is the state of the application.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status ApplicationStatus `json:"status,omitzero"`
}

// ApplicationList is a list of Applications.
//
// +kubebuilder:object:root=true
type ApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Application `json:"items"`
}

// SecretName is the Secret that the operator keeps the client secret in.
func (a *Application) SecretName() string {
	if a.Spec.SecretName != "" {
		return a.Spec.SecretName
	}
	return a.Name + "-openid"
}

// Title is what people know the application as.
func (a *Application) Title() string {
	if a.Spec.DisplayName != "" {
		return a.Spec.DisplayName
	}
	return a.Name
}

// ClientID is what the tool calls itself at the portal. A namespace has no dot in its name, so no two Applications share one.
func (a *Application) ClientID() string { return a.Namespace + "." + a.Name }
