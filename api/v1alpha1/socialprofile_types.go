// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Network is a social network.
// +kubebuilder:validation:Enum=Facebook;Instagram;Threads;X;LinkedIn;YouTube;TikTok;Pinterest;Mastodon;Bluesky
type Network string

// The networks.
const (
	NetworkFacebook  Network = "Facebook"
	NetworkInstagram Network = "Instagram"
	NetworkThreads   Network = "Threads"
	NetworkX         Network = "X"
	NetworkLinkedIn  Network = "LinkedIn"
	NetworkYouTube   Network = "YouTube"
	NetworkTikTok    Network = "TikTok"
	NetworkPinterest Network = "Pinterest"
	NetworkMastodon  Network = "Mastodon"
	NetworkBluesky   Network = "Bluesky"
)

// Networks are all of them.
func Networks() []Network {
	return []Network{
		NetworkFacebook, NetworkInstagram, NetworkThreads, NetworkX, NetworkLinkedIn,
		NetworkYouTube, NetworkTikTok, NetworkPinterest, NetworkMastodon, NetworkBluesky,
	}
}

// ProfileType is what kind of account on the network a SocialProfile is.
// +kubebuilder:validation:Enum=Profile;AdAccount
type ProfileType string

// The types of a SocialProfile.
const (
	// TypeProfile is a page, channel or account that publishes.
	TypeProfile ProfileType = "Profile"
	// TypeAdAccount is an account that advertises.
	TypeAdAccount ProfileType = "AdAccount"
)

// SocialProfileSpec is which account on which network it is, and who looks after it.
type SocialProfileSpec struct {
	// network that the account is on, such as Facebook or Mastodon. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: delete the SocialProfile and create another"
	Network Network `json:"network,omitempty"`

	// handle of the account on the network, such as acme or @acme@mastodon.example. Tokens go only to the server that they were issued for: if
	// the handle changes to another server, the profile has to be reconnected.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f-\\\\x9f\\\\x{ad}\\\\x{200b}\\\\x{200e}\\\\x{200f}\\\\x{202a}-\\\\x{202e}\\\\x{2060}-\\\\x{2069}\\\\x{feff}]')",message="must not contain characters that cannot be seen, as programs put around what is copied (such as U+202A): type the handle instead of pasting it"
	// +kubebuilder:validation:XValidation:rule="!self.contains('://')",message="must be the handle alone and not the address of its page: write acme, acme.bsky.social or @acme@mastodon.example"
	Handle string `json:"handle,omitempty"`

	// type of the account: Profile or AdAccount.
	// +optional
	// +kubebuilder:default=Profile
	Type ProfileType `json:"type,omitempty"`

	// credentialsSecretRef names the Secret in the same namespace that holds the network's tokens: access_token, refresh_token, expires_at,
	// refresh_token_expires_at and scope, as OAuth 2.0 calls them, or app_password for Bluesky; for_network, for_server and for_account say
	// what they are for, if they are there. The operator reads it where the namespace has a RoleBinding to the ClusterRole
	// roster-credentials. When somebody connects the profile again at the portal, and the operator did not make this Secret, it makes another
	// and names that here.
	// +optional
	CredentialsSecretRef *LocalReference `json:"credentialsSecretRef,omitempty"`

	// refresh is when the operator renews the tokens: Never, for tokens that another program or an external secret store keeps fresh;
	// BeforeExpiry, in good time before the access token expires. The new tokens are written to the Secret.
	// +optional
	// +kubebuilder:default=Never
	Refresh RefreshPolicy `json:"refresh,omitempty"`

	// accountID is the network's own name of the account, which stays when the handle changes, such as 17841400000000000 or
	// did:plc:ewvi7nxzyoun6zhxrhs64oiz. Tokens of another account are refused. If left out, the account of the first valid token counts; for
	// the type AdAccount, none does, since one person may have many.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AccountID string `json:"accountID,omitempty"`

	// responsibleRef names the Member who looks after the profile.
	// +optional
	ResponsibleRef *LocalReference `json:"responsibleRef,omitempty"`

	// connectedBy is the address of the person who connects the profile. ProfileConnectors, and others who may add profiles, look after those
	// with their address: they may connect and delete them. Where the API server fills it in, it can be left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	ConnectedBy string `json:"connectedBy,omitempty"`

	// notifications are the mails that the responsible person gets.
	// +optional
	Notifications *ProfileNotifications `json:"notifications,omitempty"`
}

// RefreshPolicy reports whether the operator renews the tokens of a profile.
// +kubebuilder:validation:Enum=Never;BeforeExpiry
type RefreshPolicy string

// The ways to renew tokens.
const (
	// RefreshNever leaves tokens as they are.
	RefreshNever RefreshPolicy = "Never"
	// RefreshBeforeExpiry renews them in good time.
	RefreshBeforeExpiry RefreshPolicy = "BeforeExpiry"
)

// ProfileNotifications are the mails that the responsible person of a profile gets.
type ProfileNotifications struct {
	// tokenExpiry sends a mail before the tokens end, when they have ended, and when the network no longer accepts them or has closed the
	// account.
	// +optional
	// +kubebuilder:default=true
	TokenExpiry *bool `json:"tokenExpiry,omitempty"`

	// engagement sends a mail when new items arrive in the inbox, at most once a day. Only Facebook, Mastodon and Bluesky report them.
	// +optional
	// +kubebuilder:default=false
	Engagement *bool `json:"engagement,omitempty"`
}

// RoleHolders counts the active members that hold each role on a profile, each member by their strongest role. A CustomRole counts as the
// strongest built-in role that it has all permissions of.
type RoleHolders struct {
	// administrators is how many are Administrators, CoOwners and Managers included.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Administrators *int32 `json:"administrators,omitempty"`

	// editors is how many are Editors.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Editors *int32 `json:"editors,omitempty"`

	// moderators is how many are Moderators.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Moderators *int32 `json:"moderators,omitempty"`

	// guests is how many are Guests.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Guests *int32 `json:"guests,omitempty"`
}

// SocialProfileStatus is what the operator knows about the profile.
type SocialProfileStatus struct {
	// conditions report the state of the object: Ready, ResponsibleResolved, TeamAssigned, Administered where a guardrail asks for it, and
	// Stalled if something must be changed. Where there are credentials: Connected, TokenExpiring, ScopesSufficient, and RenewerAvailable
	// while somebody has to reconnect.
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

	// holders counts the active members that hold each role.
	// +optional
	Holders RoleHolders `json:"holders,omitzero"`

	// renewers is how many active members may reconnect the profile: its Administrators, and the person who connected it, if they still may.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Renewers *int32 `json:"renewers,omitempty"`

	// teams is how many Teams work on the profile.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Teams *int32 `json:"teams,omitempty"`

	// soleAdministrator is the Member who alone is named Administrator of the profile, if the Organization sets
	// spec.guardrails.warnOnOrphanedProfiles.
	// +optional
	SoleAdministrator ObjectName `json:"soleAdministrator,omitempty"`

	// soleRenewer is the Member who alone may reconnect the profile, if its tokens have ended, or end unless somebody does. Owner, CoOwners
	// and Managers, who may connect every profile, count where nobody else may.
	// +optional
	SoleRenewer ObjectName `json:"soleRenewer,omitempty"`

	// responsible is the address of the Member who looks after the profile.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Responsible string `json:"responsible,omitempty"`

	// engagementAssignee is the address of the person to whom inbox tools assign new items on the profile: the responsible person, or the
	// owner of the organisation while there is none or they are not active.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	EngagementAssignee string `json:"engagementAssignee,omitempty"`

	// engagement is what waits in the inbox of the profile. It is present if spec.notifications.engagement is true and the network reports it.
	// +optional
	Engagement *EngagementStatus `json:"engagement,omitempty"`

	// credential is what the network said about the tokens. It is present if spec.credentialsSecretRef is set.
	// +optional
	Credential *CredentialStatus `json:"credential,omitempty"`
}

// EngagementStatus is what waits in the inbox of a profile.
type EngagementStatus struct {
	// unread is how many items nobody had looked at when the network was asked last.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Unread *int32 `json:"unread,omitempty"`

	// known is how many of them somebody was mailed about.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Known *int32 `json:"known,omitempty"`

	// to is the address that the last mail went to.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	To string `json:"to,omitempty"`

	// time when that mail was handed to the relay.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// CredentialStatus is what a network said about the tokens of a profile.
type CredentialStatus struct {
	// fingerprint identifies the tokens without revealing them.
	// +optional
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=16
	Fingerprint string `json:"fingerprint,omitempty"`

	// fingerprintSalt keeps profiles with the same tokens from showing the same fingerprint: the UID that the profile had at first. A profile
	// that is restored keeps it, and nobody is mailed a second time.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	FingerprintSalt string `json:"fingerprintSalt,omitempty"`

	// accountID is the network's own name of the account that the tokens open.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AccountID string `json:"accountID,omitempty"`

	// handle of the account, as the network has it now.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Handle string `json:"handle,omitempty"`

	// accessExpiryTime is when the access token ends.
	// +optional
	AccessExpiryTime *metav1.Time `json:"accessExpiryTime,omitempty"`

	// refreshExpiryTime is when the refresh token ends.
	// +optional
	RefreshExpiryTime *metav1.Time `json:"refreshExpiryTime,omitempty"`

	// dataAccessExpiryTime is when the network wants the person who connected the profile to agree again.
	// +optional
	DataAccessExpiryTime *metav1.Time `json:"dataAccessExpiryTime,omitempty"`

	// reconnectByTime is the time by which somebody has to reconnect the profile, since the tokens end then and are not renewed automatically.
	// Absent if that is never, or not known.
	// +optional
	ReconnectByTime *metav1.Time `json:"reconnectByTime,omitempty"`

	// scopes that the token has, sorted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Scopes []string `json:"scopes,omitempty"`

	// boundTo is what the tokens were for when the network first accepted them. They are used for nothing else, unless entries of the Secret
	// say what they are for.
	// +optional
	BoundTo *CredentialBinding `json:"boundTo,omitempty"`

	// notice is the last mail about these tokens.
	// +optional
	Notice *CredentialNotice `json:"notice,omitempty"`
}

// CredentialBinding is what tokens are for.
type CredentialBinding struct {
	// fingerprint of the tokens.
	// +optional
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=16
	Fingerprint string `json:"fingerprint,omitempty"`

	// server that took them, of networks that have several: Mastodon and Bluesky.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Server string `json:"server,omitempty"`

	// accountID is the account that they opened.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AccountID string `json:"accountID,omitempty"`
}

// NoticeCause is what a mail about tokens is about.
// +kubebuilder:validation:Enum=ExpiresIn14Days;ExpiresIn3Days;ExpiresIn1Day;Expired;AccessLost
type NoticeCause string

// What mails about tokens are about, the least pressing first. Tokens are mailed about once for each.
const (
	NoticeExpiresIn14Days NoticeCause = "ExpiresIn14Days"
	NoticeExpiresIn3Days  NoticeCause = "ExpiresIn3Days"
	NoticeExpiresIn1Day   NoticeCause = "ExpiresIn1Day"
	NoticeExpired         NoticeCause = "Expired"
	NoticeAccessLost      NoticeCause = "AccessLost"
)

// CredentialNotice is a mail about the tokens of a profile.
type CredentialNotice struct {
	// fingerprint of the tokens that the mail was about.
	// +optional
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=16
	Fingerprint string `json:"fingerprint,omitempty"`

	// cause is what the mail was about.
	// +optional
	Cause NoticeCause `json:"cause,omitempty"`

	// to is the address that the mail went to.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	To string `json:"to,omitempty"`

	// why that person: they are responsible for the profile, or own the organisation.
	// +optional
	Why NoticeRecipient `json:"why,omitempty"`

	// time when the mail was handed to the relay. If the relay refused it for good, an event says so.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// NoticeRecipient is why somebody gets a mail about tokens.
// +kubebuilder:validation:Enum=Responsible;Owner
type NoticeRecipient string

// Why somebody gets a mail about tokens.
const (
	// RecipientResponsible looks after the profile.
	RecipientResponsible NoticeRecipient = "Responsible"
	// RecipientOwner owns the organisation, and nobody active looks after the profile.
	RecipientOwner NoticeRecipient = "Owner"
)

// SocialProfile is an account on a social network that the organisation runs. Members hold roles on it; any program can ask the
// API server whether somebody may publish on it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=sp,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.network`
// +kubebuilder:printcolumn:name="Network",type=string,JSONPath=`.spec.network`
// +kubebuilder:printcolumn:name="Handle",type=string,JSONPath=`.spec.handle`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Responsible",type=string,JSONPath=`.status.responsible`
// +kubebuilder:printcolumn:name="Admins",type=integer,JSONPath=`.status.holders.administrators`
// +kubebuilder:printcolumn:name="Editors",type=integer,JSONPath=`.status.holders.editors`
// +kubebuilder:printcolumn:name="Moderators",type=integer,JSONPath=`.status.holders.moderators`
// +kubebuilder:printcolumn:name="Guests",type=integer,JSONPath=`.status.holders.guests`
// +kubebuilder:printcolumn:name="Connected",type=string,JSONPath=`.status.conditions[?(@.type=="Connected")].status`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SocialProfile struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is which account on which network it is, and who looks after it.
	// +required
	Spec SocialProfileSpec `json:"spec,omitzero"`

	// status is what the operator knows about the profile.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status SocialProfileStatus `json:"status,omitzero"`
}

// SocialProfileList is a list of SocialProfiles.
//
// +kubebuilder:object:root=true
type SocialProfileList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []SocialProfile `json:"items"`
}
