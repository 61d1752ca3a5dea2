// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Every field that names an object is of the type ObjectName, so that none takes text that no object can be called by: policies and the
// operator put names together with other words. It is an alias, since to Go a name is a string like another.

// ObjectName is the name of an object of Kubernetes.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be the name of an object: lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part, such as acme-fb; neither a mail address nor a namespace belongs in it"
type ObjectName = string

// LocalReference names an object in the same namespace.
type LocalReference struct {
	// name of the object.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// Locale is a language that mails and pages are written in.
// +kubebuilder:validation:Enum=en;fr
type Locale string

// The languages that Roster speaks. English is the source of the others.
const (
	LocaleEnglish Locale = "en"
	LocaleFrench  Locale = "fr"
)

// OrganizationRole says what a person may do in the organisation. It is one of the names below, or that of a CustomRole of the scope
// Organization, which is in lower case.
//
//   - CoOwner: everything but transferring the ownership.
//   - Manager: members, invitations, settings; Administrator of every profile.
//   - AdvancedMember: the granted profiles; may add profiles.
//   - Member: the granted profiles.
//   - ProfileConnector: an outsider who connects profiles of their own.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self != 'Owner'",message="Owner is not given by a role: name the Member in the Organization's spec.ownerRef"
// +kubebuilder:validation:XValidation:rule="self in ['Owner', 'CoOwner', 'Manager', 'AdvancedMember', 'Member', 'ProfileConnector'] || self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="must be CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or the name of a CustomRole, which is in lower case"
type OrganizationRole string

// The built-in roles of an organisation, strongest first.
const (
	RoleOwner            OrganizationRole = "Owner"
	RoleCoOwner          OrganizationRole = "CoOwner"
	RoleManager          OrganizationRole = "Manager"
	RoleAdvancedMember   OrganizationRole = "AdvancedMember"
	RoleMember           OrganizationRole = "Member"
	RoleProfileConnector OrganizationRole = "ProfileConnector"
)

// ProfileRole says what a person may do on one social profile. It is one of the names below, or that of a CustomRole of the scope
// Profile, which is in lower case.
//
//   - Administrator: everything.
//   - Editor: everything but the profile's configuration and connection.
//   - Moderator: the inbox; may schedule, not publish.
//   - Guest: may look.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self in ['Administrator', 'Editor', 'Moderator', 'Guest'] || self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="must be Administrator, Editor, Moderator, Guest, or the name of a CustomRole, which is in lower case"
type ProfileRole string

// The built-in roles on a profile, strongest first.
const (
	ProfileAdministrator ProfileRole = "Administrator"
	ProfileEditor        ProfileRole = "Editor"
	ProfileModerator     ProfileRole = "Moderator"
	ProfileGuest         ProfileRole = "Guest"
)

// ProfileGrant gives a role on one social profile.
type ProfileGrant struct {
	// name of the SocialProfile in the same namespace. A profile that does not exist is reported in a condition and
	// grants nothing until it does.
	// +required
	Name ObjectName `json:"name,omitempty"`

	// role on that profile: Administrator, Editor, Moderator, Guest, or the name of a CustomRole.
	// +required
	Role ProfileRole `json:"role,omitempty"`
}

// WorkspaceGrant gives a workspace, and a role on all of its profiles.
type WorkspaceGrant struct {
	// name of the Workspace in the same namespace. A workspace that does not exist is reported in a condition and
	// grants nothing until it does.
	// +required
	Name ObjectName `json:"name,omitempty"`

	// role on every profile of the workspace: Administrator, Editor, Moderator, Guest, or the name of a CustomRole. If left out, the
	// workspace is shown, and the roles in it are given profile by profile.
	// +optional
	Role ProfileRole `json:"role,omitempty"`
}

// AccountNamespace is the namespace that holds the Accounts of all organisations and, beside them, their credentials.
const AccountNamespace = "roster-accounts"

// ConnectionNamespace is the namespace in which the portal hands over to the operator what people wish to have connected.
const ConnectionNamespace = "roster-connections"

// ConnectionAnnotation on a SocialProfile and on the Secret with its tokens says that they came from the portal: the UID of the Secret by
// which the portal asked for it.
const ConnectionAnnotation = "roster.dev/connection"

// MadeForAnnotation on a Secret shows that the operator made it for a profile or an Application: nobody else can write what stands there.
// New tokens of a profile that somebody connects at the portal go to such a Secret and to no other, and so do client secrets.
const MadeForAnnotation = "roster.dev/made-for"

// LeftAnnotation on a Member says since when its person has left, before the Member is deleted.
const LeftAnnotation = "roster.dev/left"

// PlaceAnnotation on a Member that came by an Invitation holds the place of that Invitation in the order in which seats are given:
// the time since which it was open, and its UID, with a slash between.
const PlaceAnnotation = "roster.dev/place"

// FirstSignInAnnotation on an Account holds when its person signed in first (RFC 3339): the portal makes the Account as they accept an
// invitation, and says so in the same write. The operator takes it over into the status.
const FirstSignInAnnotation = "roster.dev/first-sign-in"

// AuthorLabel on a Member or an Invitation with the value Manager says that its author may make somebody a Manager, so that no Team has to
// be read before it is created. The API server writes it, and the policy roster-author looks after it.
const AuthorLabel = "roster.dev/author"

// OwnershipAnnotation on a Member that an Organization names as its owner holds how its person stands to that: one of the answers below. It
// is what lasts of the consent, so that no status has to be restored for it.
const OwnershipAnnotation = "roster.dev/ownership"

// How a person stands to owning the organisation.
const (
	// OwnershipAsked: they have been asked, and have not answered.
	OwnershipAsked = "Asked"
	// OwnershipAgreed: they agreed, by accepting an invitation that said so or at the portal.
	OwnershipAgreed = "Agreed"
	// OwnershipDeclined: they said no, or gave the ownership up.
	OwnershipDeclined = "Declined"
)

// RenewingAnnotation is on a Secret while the tokens in it are being renewed. Its value is the fingerprint of those tokens. Where it stays,
// the operator was stopped between asking for new tokens and storing them.
const RenewingAnnotation = "roster.dev/renewing"
