// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OrganizationSpec is what the organisation is and how people get into it.
type OrganizationSpec struct {
	// displayName is the name of the organisation in mails and pages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	// +kubebuilder:validation:XValidation:rule="self.trim() != ''",message="must not be blank"
	DisplayName string `json:"displayName,omitempty"`

	// ownerRef names the Member who owns the organisation: that person may do everything in it. The ownership passes when the Member is active
	// and the person has agreed, at the portal or by accepting an invitation that says so; until then the former owner keeps it.
	// +optional
	OwnerRef *LocalReference `json:"ownerRef,omitempty"`

	// planRef names the Plan that says how much the organisation may have. If left out, the Plan called default counts; if there is none,
	// nothing is limited. Only those who hold the verb use on that Plan may change it.
	// +optional
	PlanRef *LocalReference `json:"planRef,omitempty"`

	// requireTeam makes a profile wait for its first Team: until then, people who have a role on it by name or from a Workspace can only look
	// at it.
	// +optional
	// +kubebuilder:default=false
	RequireTeam *bool `json:"requireTeam,omitempty"`

	// locale is the language of mails and pages if the invited person has no other: en or fr.
	// +optional
	// +kubebuilder:default=en
	Locale Locale `json:"locale,omitempty"`

	// environments are the addresses at which members sign in to the tool itself, such as live and beta. They are
	// listed in the mail and on the welcome page.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=10
	Environments []Environment `json:"environments,omitempty"`

	// onboarding is what the welcome page tells newcomers.
	// +optional
	// +kubebuilder:default={}
	Onboarding Onboarding `json:"onboarding,omitzero"`

	// invitations is how people are invited.
	// +optional
	// +kubebuilder:default={}
	Invitations InvitationPolicy `json:"invitations,omitzero"`

	// guardrails keep mistakes from doing harm.
	// +optional
	// +kubebuilder:default={}
	Guardrails *Guardrails `json:"guardrails,omitempty"`

	// security is what the organisation asks of its members' accounts.
	// +optional
	// +kubebuilder:default={}
	Security SecurityPolicy `json:"security,omitzero"`
}

// Onboarding is what the welcome page tells people who have just come in.
type Onboarding struct {
	// mode is New if the first steps are about setting the organisation up, or Existing if they are about finding your way around and agreeing
	// changes with the contact.
	// +optional
	// +kubebuilder:default=Existing
	Mode OnboardingMode `json:"mode,omitempty"`

	// contactRef names the Member whom newcomers may ask. If left out, or if that Member is not active, it is the owner.
	// +optional
	ContactRef *LocalReference `json:"contactRef,omitempty"`

	// steps are the organisation's own first steps. They come after those that Roster suggests.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Steps []OnboardingStep `json:"steps,omitempty"`
}

// OnboardingMode says what first steps are about.
// +kubebuilder:validation:Enum=New;Existing
type OnboardingMode string

// What first steps are about.
const (
	// OnboardingNew: setting the organisation up.
	OnboardingNew OnboardingMode = "New"
	// OnboardingExisting: finding your way around.
	OnboardingExisting OnboardingMode = "Existing"
)

// OnboardingStep is a first step of the organisation's own.
type OnboardingStep struct {
	// text of the step, in one line.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=300
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\x00-\\x1f\\x7f]')",message="must be one line without control characters"
	Text string `json:"text,omitempty"`

	// url where the step is done, such as https://intranet.example.com/style-guide.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https']",message="must be an http or https address such as https://intranet.example.com/style-guide"
	URL string `json:"url,omitempty"`
}

// Environment is one address of the tool that the organisation works with.
type Environment struct {
	// name of the environment as people know it, such as Live or Beta.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=60
	Name string `json:"name,omitempty"`

	// url at which members sign in, such as https://social.example.com.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https']",message="must be an http or https address such as https://social.example.com"
	URL string `json:"url,omitempty"`
}

// InvitationPolicy is how an organisation invites.
type InvitationPolicy struct {
	// validity is how long a link can be used, between 1h and 720h. An Invitation may choose another.
	// +optional
	// +kubebuilder:default="72h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[hms])+$') && duration(self) >= duration('1h') && duration(self) <= duration('720h')",message="must be between 1h and 720h (30 days), written in hours, minutes and seconds, such as 72h"
	Validity metav1.Duration `json:"validity,omitzero"`

	// remindBefore is how long before the link expires the person is reminded; each entry is one mail. Entries that are
	// as long as the validity or longer are skipped. An empty list sends no reminder.
	// +optional
	// +listType=atomic
	// +kubebuilder:default={"24h"}
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:items:Type=string
	// +kubebuilder:validation:items:MaxLength=32
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([0-9]+[hms])+$') && duration(self) >= duration('1m') && duration(self) <= duration('720h')",message="must be between 1m and 720h, written in hours, minutes and seconds, such as 24h"
	RemindBefore []metav1.Duration `json:"remindBefore,omitempty"`

	// allowedDomains are the mail domains that may be invited, such as example.com; a subdomain counts as a separate domain. An empty list
	// allows every domain.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="!self.contains('@') && !self.contains('*') && !self.contains(' ') && self == self.lowerAscii()",message="must be a plain domain in lower case such as example.com, without @ or *"
	AllowedDomains []string `json:"allowedDomains,omitempty"`

	// allowedFor says which members may invite: Managers (the owner, CoOwners and Managers) or only the Owner.
	// +optional
	// +kubebuilder:default=Managers
	AllowedFor Inviters `json:"allowedFor,omitempty"`

	// selfRenewal lets the holder of an expired link ask for a new one, on the page that reports it or as somebody who has forgotten a
	// password.
	// +optional
	// +kubebuilder:default=false
	SelfRenewal *bool `json:"selfRenewal,omitempty"`
}

// Inviters says which members may invite.
// +kubebuilder:validation:Enum=Managers;Owner
type Inviters string

// Who may invite.
const (
	// InvitersManagers: the owner, CoOwners and Managers.
	InvitersManagers Inviters = "Managers"
	// InvitersOwner: the owner alone.
	InvitersOwner Inviters = "Owner"
)

// Guardrails keep mistakes from doing harm.
type Guardrails struct {
	// deleteOnlySuspended lets only suspended Members be deleted, and neither the Organization while it has active Members nor all members of
	// a Team at once, so that a Git prune of the wrong files fails as a whole. To remove a person, suspend them first.
	// +optional
	// +kubebuilder:default=false
	DeleteOnlySuspended *bool `json:"deleteOnlySuspended,omitempty"`

	// warnOnOrphanedProfiles warns anyone who suspends, deletes or sets an end for the last active Member who is named Administrator of a
	// profile, or takes that role from them, and shows profiles without one in the condition Administered. CoOwners and Managers, who are
	// Administrators of every profile, are not counted.
	// +optional
	// +kubebuilder:default=false
	WarnOnOrphanedProfiles *bool `json:"warnOnOrphanedProfiles,omitempty"`
}

// SecurityPolicy is what an organisation asks of its members' accounts.
// +kubebuilder:validation:XValidation:rule="!has(self.signIn) || !('SSO' in self.signIn) || has(self.sso)",message="signIn names SSO: name the issuer in sso.issuer, too"
type SecurityPolicy struct {
	// password is what a new password must have.
	// +optional
	// +kubebuilder:default={}
	Password PasswordPolicy `json:"password,omitzero"`

	// multiFactor is who needs a second factor at the portal: Optional (anyone who wants to), NewMembers (anyone who joined after the operator
	// first saw this or Required here), or Required (everybody).
	// +optional
	// +kubebuilder:default=Optional
	MultiFactor MultiFactorPolicy `json:"multiFactor,omitempty"`

	// signIn are the ways to sign in at the portal that open this organisation's pages: Password (what a person set up at the portal: a
	// password or a passkey) and SSO (the company's own sign-in, named in sso).
	// +optional
	// +listType=set
	// +kubebuilder:default={Password}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	SignIn []SignInMethod `json:"signIn,omitempty"`

	// sso is the company's own sign-in.
	// +optional
	SSO SSO `json:"sso,omitempty,omitzero"`
}

// MultiFactorPolicy says who must prove themselves by a second factor.
// +kubebuilder:validation:Enum=Optional;NewMembers;Required
type MultiFactorPolicy string

// Who must prove themselves by a second factor.
const (
	// MultiFactorOptional: anyone who wants to.
	MultiFactorOptional MultiFactorPolicy = "Optional"
	// MultiFactorNewMembers: anyone who joined after it was first asked for.
	MultiFactorNewMembers MultiFactorPolicy = "NewMembers"
	// MultiFactorRequired: everybody.
	MultiFactorRequired MultiFactorPolicy = "Required"
)

// SignInMethod is a way to sign in at the portal.
// +kubebuilder:validation:Enum=Password;SSO
type SignInMethod string

// The ways to sign in at the portal.
const (
	// SignInPassword: what the person set up at the portal, a password or a passkey.
	SignInPassword SignInMethod = "Password"
	// SignInSSO: the company's own sign-in.
	SignInSSO SignInMethod = "SSO"
)

// SSO is the company's own sign-in.
type SSO struct {
	// issuer is the name of an OpenID provider in the portal's configuration. The domains whose addresses it vouches for are configured there:
	// that is for the platform to decide, not for the organisation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be the name of an issuer in the portal's configuration, such as acme"
	Issuer string `json:"issuer,omitempty"`
}

// PasswordPolicy is what a new password must have. It is checked when a password is set, not when it is used.
type PasswordPolicy struct {
	// minLength is the least number of characters, 8 to 128.
	// +optional
	// +kubebuilder:default=12
	// +kubebuilder:validation:Minimum=8
	// +kubebuilder:validation:Maximum=128
	MinLength int32 `json:"minLength,omitempty"`

	// requireUppercase asks for at least one uppercase letter.
	// +optional
	// +kubebuilder:default=false
	RequireUppercase *bool `json:"requireUppercase,omitempty"`

	// requireSpecial asks for at least one character that is neither a letter nor a digit.
	// +optional
	// +kubebuilder:default=false
	RequireSpecial *bool `json:"requireSpecial,omitempty"`
}

// Place is where an object stands in the order in which seats and places for profiles are given: the older first.
type Place struct {
	// time since which the object has had that place, usually that of its creation.
	// +required
	Time metav1.Time `json:"time,omitempty,omitzero"`

	// uid decides between two objects of the same second.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	UID string `json:"uid,omitempty"`
}

// Usage is how much of a limited number is taken.
type Usage struct {
	// limit that the plan sets.
	// +required
	// +kubebuilder:validation:Minimum=0
	Limit *int32 `json:"limit,omitempty"`

	// wanted is how many there are, those beyond the limit included.
	// +required
	// +kubebuilder:validation:Minimum=0
	Wanted *int32 `json:"wanted,omitempty"`

	// last is the place of the youngest object that has been counted and is within the limit. Every object up to that place has what it wants.
	// If absent, none has.
	// +optional
	Last Place `json:"last,omitzero"`
}

// PlanInEffect is what the organisation may have, as far as it is in effect.
type PlanInEffect struct {
	// name of the Plan.
	// +required
	Name ObjectName `json:"name,omitempty"`

	// contact of the Plan.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Contact string `json:"contact,omitempty"`

	// features that are on.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Features []Feature `json:"features,omitempty"`

	// seats that are taken. If it is not there, they are not limited.
	// +optional
	Seats Usage `json:"seats,omitzero"`

	// socialProfiles that are taken. If it is not there, they are not limited.
	// +optional
	SocialProfiles Usage `json:"socialProfiles,omitzero"`
}

// OrganizationStatus is what the operator knows about the organisation.
type OrganizationStatus struct {
	// conditions report the state of the object: Ready, OwnerResolved, and Stalled if something must be changed. OwnerUnique while the owner
	// is active, WithinPlan if there is a Plan, IssuerResolved if an issuer is named, and MailDelivered while an invitation waits for
	// the relay.
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

	// ownerRef names the Member whose ownership is in force. It follows spec.ownerRef when the Member that is named there is active
	// and has agreed.
	// +optional
	OwnerRef *LocalReference `json:"ownerRef,omitempty"`

	// ownerSince is when that Member became the owner.
	// +optional
	OwnerSince *metav1.Time `json:"ownerSince,omitempty"`

	// plan that is in effect. If absent, nothing is limited. It stays as it is while its Plan is missing.
	// +optional
	Plan PlanInEffect `json:"plan,omitzero"`

	// multiFactorSince is when the organisation began to ask new members, or everybody, for a second factor.
	// +optional
	MultiFactorSince *metav1.Time `json:"multiFactorSince,omitempty"`

	// owner is the address of the owner's Member.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Owner string `json:"owner,omitempty"`

	// members is how many Members there are, in every state.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Members *int32 `json:"members,omitempty"`

	// activeMembers is how many Members are active.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ActiveMembers *int32 `json:"activeMembers,omitempty"`

	// openInvitations is how many Invitations wait to be mailed or answered.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OpenInvitations *int32 `json:"openInvitations,omitempty"`

	// socialProfiles is how many SocialProfiles there are.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SocialProfiles *int32 `json:"socialProfiles,omitempty"`
}

// Organization is a company or department that runs social profiles. It holds the namespace that it lives in: every
// Member, Invitation and SocialProfile there belongs to it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=org,categories=roster
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Owner",type=string,JSONPath=`.status.owner`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan.name`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.members`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.activeMembers`
// +kubebuilder:printcolumn:name="Invited",type=integer,JSONPath=`.status.openInvitations`
// +kubebuilder:printcolumn:name="Profiles",type=integer,JSONPath=`.status.socialProfiles`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Organization struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the organisation is and how people get into it.
	// +required
	Spec OrganizationSpec `json:"spec,omitzero"`

	// status is what the operator knows about the organisation.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status OrganizationStatus `json:"status,omitzero"`
}

// OrganizationList is a list of Organizations.
//
// +kubebuilder:object:root=true
type OrganizationList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Organization `json:"items"`
}
