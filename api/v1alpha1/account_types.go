// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AccountSpec is what a person says about themselves.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.credentialsID) || has(self.credentialsID)",message="credentialsID cannot be removed: the password and the second factors count for that one only. Write it as it was, or delete the Account and the person begins again"
type AccountSpec struct {
	// email of the person: lower case, the domain in ASCII form. The name of the Account follows from it.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@\\\\s<>]+@[^@\\\\s<>]+$') && self == self.lowerAscii()",message="must be a plain mail address in lower case such as ana@example.com"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed"
	Email string `json:"email,omitempty"`

	// displayName is the name that others see.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	DisplayName string `json:"displayName,omitempty"`

	// company that the person works for.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Company string `json:"company,omitempty"`

	// locale is the language that the person reads: en or fr.
	// +optional
	// +kubebuilder:default=en
	Locale Locale `json:"locale,omitempty"`

	// username is a name that the person can sign in with instead of the address. If two Accounts have the same one, it belongs to the older.
	// +optional
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$')",message="must be in lower case, of letters, digits and ._- between them, such as ana.silva"
	Username string `json:"username,omitempty"`

	// avatar says which picture pages show beside the name: Initials, which ask nobody, or Gravatar, for which every browser that shows it
	// asks gravatar.com.
	// +optional
	// +kubebuilder:default=Initials
	Avatar Avatar `json:"avatar,omitempty"`

	// notifications are the mails that the person wants.
	// +optional
	// +kubebuilder:default={}
	Notifications Notifications `json:"notifications,omitzero"`

	// suspended keeps the person from signing in at the portal, and ends their sessions there at once. Their Members keep what they have:
	// suspend those to take access away.
	// +optional
	// +kubebuilder:default=false
	Suspended *bool `json:"suspended,omitempty"`

	// factorsResetRequestedAt removes the second factors that were set up before that time: the authenticator app, passkeys and recovery
	// codes. Set it for somebody who has lost them, after making sure who is asking. They are told by mail, sign in with their password, and
	// set up new ones. If the time is in the future, the operator waits for it.
	// +optional
	FactorsResetRequestedAt *metav1.Time `json:"factorsResetRequestedAt,omitempty"`

	// credentialsID is random, and repeated in the Secret with the credentials, so that they work for the Account that they were made for, and
	// for no later one with the same address. A restored Account keeps it, whatever its UID. The portal writes it; leave it out of what you
	// apply.
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: the password and the second factors count for that one only"
	CredentialsID string `json:"credentialsID,omitempty"`
}

// Avatar says which picture pages show beside a name.
// +kubebuilder:validation:Enum=Initials;Gravatar
type Avatar string

// Which picture pages show.
const (
	// AvatarInitials: the first letters of the name.
	AvatarInitials Avatar = "Initials"
	// AvatarGravatar: the picture that belongs to the address at Gravatar.
	AvatarGravatar Avatar = "Gravatar"
)

// Notifications are the mails that a person wants. Mails about the security of the Account itself, and invitations, are sent in any case.
type Notifications struct {
	// credentials are mails about access that is about to expire or is lost, to a social profile that the person is responsible for, or to one
	// that nobody active is responsible for in an organisation of theirs.
	// +optional
	// +kubebuilder:default=true
	Credentials *bool `json:"credentials,omitempty"`

	// engagement are mails about new items on such a social profile, where the profile asks for such mails.
	// +optional
	// +kubebuilder:default=true
	Engagement *bool `json:"engagement,omitempty"`
}

// AccountStatus is what the operator and the portal know about the account.
type AccountStatus struct {
	// conditions report the state of the object: Ready, Stalled if something must be changed, and UsernameUnique if there is a user name.
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

	// lastSignInTime is when the person last signed in at the portal. It is written once an hour at most.
	// +optional
	LastSignInTime *metav1.Time `json:"lastSignInTime,omitempty"`

	// secondFactor reports whether the person has set up a second factor at the portal. It is absent until the next sign-in if an older portal
	// wrote the status.
	// +optional
	SecondFactor SecondFactor `json:"secondFactor,omitzero"`

	// suspendedTime is when the operator last found the Account suspended, or changed so often since it last looked that it may have been.
	// Earlier sessions do not become valid again.
	// +optional
	SuspendedTime *metav1.MicroTime `json:"suspendedTime,omitempty"`

	// mailRequests are the mails about the Account that the portal asked for, each kind with the time of the last request. The operator sends
	// them.
	// +optional
	// +listType=map
	// +listMapKey=topic
	// +kubebuilder:validation:MaxItems=16
	MailRequests []AccountMail `json:"mailRequests,omitempty"`

	// mailsSent are the requests that were last answered, each kind with the time of that request.
	// +optional
	// +listType=map
	// +listMapKey=topic
	// +kubebuilder:validation:MaxItems=16
	MailsSent []AccountMail `json:"mailsSent,omitempty"`

	// addressCode is the code that the portal last asked the operator to mail to an invited address, so that the person shows that they read
	// its mail. The code itself is not stored: both derive it from this, with the link keys.
	// +optional
	AddressCode *AddressCode `json:"addressCode,omitempty"`

	// confirmedAddresses are other addresses of the person, who has typed in a code that was mailed there. Invitations to them can be accepted
	// with this Account. Nobody signs in with them.
	// +optional
	// +listType=map
	// +listMapKey=email
	// +kubebuilder:validation:MaxItems=50
	ConfirmedAddresses []ConfirmedAddress `json:"confirmedAddresses,omitempty"`

	// userHandle is what passkeys know the account by: random, and no secret. The portal writes it with the first passkey.
	// +optional
	// +kubebuilder:validation:MinLength=43
	// +kubebuilder:validation:MaxLength=43
	UserHandle string `json:"userHandle,omitempty"`

	// leaving are the memberships that the person has given up and the operator has not ended yet.
	// +optional
	// +listType=map
	// +listMapKey=uid
	// +kubebuilder:validation:MaxItems=100
	Leaving []Leaving `json:"leaving,omitempty"`

	// memberships are the organisations that the person has joined. They outlive single Members: one of the same address that takes the place
	// of another, or comes within ten minutes after it was deleted, is the same person's, without another invitation.
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +kubebuilder:validation:MaxItems=1000
	Memberships []Membership `json:"memberships,omitempty"`

	// ownership are the person's answers to owning an organisation that the operator has not acted on yet.
	// +optional
	// +listType=map
	// +listMapKey=uid
	// +kubebuilder:validation:MaxItems=100
	Ownership []OwnershipAnswer `json:"ownership,omitempty"`
}

// SecondFactor reports whether somebody has a second factor of their own: an authenticator app or a passkey. Recovery codes alone are none,
// and neither is a factor that a company's sign-in asks for.
type SecondFactor struct {
	// enrolled reports whether there is one that counts.
	// +required
	Enrolled *bool `json:"enrolled,omitempty"`

	// time since when that is known. A reset that was asked for later removes what was there.
	// +required
	Time metav1.MicroTime `json:"time,omitempty,omitzero"`
}

// AccountMailTopic is what a mail about an Account says.
// +kubebuilder:validation:Enum=PasswordReset;PasswordChanged;UsernameChanged;FactorsChanged;FactorsReset;OwnershipOffered;AddressCode
type AccountMailTopic string

// The topics of mails about an Account.
const (
	// MailPasswordReset brings a link to choose a new password.
	MailPasswordReset AccountMailTopic = "PasswordReset"
	// MailPasswordChanged reports that the password was changed.
	MailPasswordChanged AccountMailTopic = "PasswordChanged"
	// MailUsernameChanged reports that the user name was changed.
	MailUsernameChanged AccountMailTopic = "UsernameChanged"
	// MailFactorsChanged reports that the second factors were changed.
	MailFactorsChanged AccountMailTopic = "FactorsChanged"
	// MailFactorsReset reports that an administrator removed the second factors.
	MailFactorsReset AccountMailTopic = "FactorsReset"
	// MailOwnershipOffered asks the person to agree to owning an organisation that names them as its owner.
	MailOwnershipOffered AccountMailTopic = "OwnershipOffered"
	// MailAddressCode brings the code of status.addressCode to the invited address.
	MailAddressCode AccountMailTopic = "AddressCode"
)

// AccountMail is a mail about an Account.
type AccountMail struct {
	// topic of the mail.
	// +required
	Topic AccountMailTopic `json:"topic,omitempty"`

	// time of the request, or of the event that the mail reports.
	// +required
	Time metav1.MicroTime `json:"time,omitempty,omitzero"`
}

// firstSignInWindow is how far the clocks of the portal and of the API server may be apart.
const firstSignInWindow = 5 * time.Minute

// FirstSignIn is when the person signed in for the first time, as the Account was made; nil where it was made otherwise. An Account that
// was made again from a backup has a later time of creation: what the annotation says of it is out of date.
func (a *Account) FirstSignIn() *metav1.Time {
	at, err := time.Parse(time.RFC3339, a.Annotations[FirstSignInAnnotation])
	if err != nil || a.CreationTimestamp.Sub(at).Abs() > firstSignInWindow {
		return nil
	}
	return &metav1.Time{Time: at.Local()}
}

// LastSignIn is when the person last signed in at the portal; nil if that is not known. It does not wait for the operator to take over the
// first sign-in.
func (a *Account) LastSignIn() *metav1.Time {
	if a.Status.LastSignInTime != nil {
		return a.Status.LastSignInTime
	}
	return a.FirstSignIn()
}

// KnownSecondFactor is what is known about the person's second factor. As somebody signs in for the first time, they have none.
func (a *Account) KnownSecondFactor() SecondFactor {
	first := a.FirstSignIn()
	if a.Status.SecondFactor.Enrolled != nil || first == nil {
		return a.Status.SecondFactor
	}
	return SecondFactor{Enrolled: new(bool), Time: metav1.NewMicroTime(first.Time)}
}

// HasSecondFactor is what is known about the person's second factor at a time; nil for nothing. As with the factors themselves, a reset
// removes what was there until the end of its second.
func (a *Account) HasSecondFactor(now time.Time) *bool {
	known, reset := a.KnownSecondFactor(), a.Spec.FactorsResetRequestedAt
	switch {
	case known.Enrolled == nil:
		return nil
	case reset != nil && !reset.After(now) && known.Time.Time.Before(reset.Truncate(time.Second).Add(time.Second)):
		return new(bool)
	}
	return known.Enrolled
}

// Requested is when a mail of that topic was last asked for; zero if never.
func (s *AccountStatus) Requested(topic AccountMailTopic) metav1.MicroTime {
	return mailTime(s.MailRequests, topic)
}

// Answered is the request for a mail of that topic that was last answered; zero if none.
func (s *AccountStatus) Answered(topic AccountMailTopic) metav1.MicroTime {
	return mailTime(s.MailsSent, topic)
}

func mailTime(mails []AccountMail, topic AccountMailTopic) metav1.MicroTime {
	for _, m := range mails {
		if m.Topic == topic {
			return m.Time
		}
	}
	return metav1.MicroTime{}
}

// WithMail is a list of mails in which that topic has that time.
func WithMail(mails []AccountMail, topic AccountMailTopic, time metav1.MicroTime) []AccountMail {
	kept := make([]AccountMail, 0, len(mails)+1)
	for _, m := range mails {
		if m.Topic != topic {
			kept = append(kept, m)
		}
	}
	return append(kept, AccountMail{Topic: topic, Time: time})
}

// AddressCode is a code that is mailed to an invited address. It does not say where the mail goes: the operator reads that from the
// Invitation.
type AddressCode struct {
	// namespace of the Invitation.
	// +required
	Namespace ObjectName `json:"namespace,omitempty"`

	// invitation is the name of the Invitation.
	// +required
	Invitation ObjectName `json:"invitation,omitempty"`

	// uid of the Invitation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	UID string `json:"uid,omitempty"`

	// attempt is the number of the mail whose link was opened. The code is void once there is a newer link.
	// +required
	// +kubebuilder:validation:Minimum=1
	Attempt int32 `json:"attempt,omitempty"`

	// session that asked for the code, and alone can use it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Session string `json:"session,omitempty"`

	// requestedTime is when the code was first asked for. Its lifetime starts then, however often it is mailed.
	// +required
	RequestedTime metav1.MicroTime `json:"requestedTime,omitempty,omitzero"`

	// tries is how often a wrong code was typed in; absent for never. After the fifth, no code is accepted.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5
	Tries int32 `json:"tries,omitempty"`
}

// ConfirmedAddress is an address of which a person has shown that they read its mail.
type ConfirmedAddress struct {
	// email is the address in its canonical form.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=320
	Email string `json:"email,omitempty"`

	// confirmedTime is when the person typed in the code.
	// +required
	ConfirmedTime metav1.Time `json:"confirmedTime,omitempty,omitzero"`
}

// Leaving is a membership that its person has given up.
type Leaving struct {
	// uid of the Member.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	UID string `json:"uid,omitempty"`

	// namespace of the organisation.
	// +required
	Namespace ObjectName `json:"namespace,omitempty"`

	// member is the name of the Member.
	// +required
	Member ObjectName `json:"member,omitempty"`

	// requestedTime is when the person asked to leave.
	// +required
	RequestedTime metav1.Time `json:"requestedTime,omitempty,omitzero"`
}

// Membership is the fact that a person has joined an organisation.
type Membership struct {
	// namespace of the organisation.
	// +required
	Namespace ObjectName `json:"namespace,omitempty"`

	// organization is the name of the Organization.
	// +required
	Organization ObjectName `json:"organization,omitempty"`

	// member is the name of the Member, or of the last one where it was deleted.
	// +required
	Member ObjectName `json:"member,omitempty"`

	// joinedTime is when the person accepted.
	// +required
	JoinedTime metav1.Time `json:"joinedTime,omitempty,omitzero"`

	// place is the person's position in the queue for the seats of the plan.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Place string `json:"place,omitempty"`

	// suspended is true while the Member is suspended. If it is deleted then, the membership ends with it.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`

	// endedTime is when the operator found the Member deleted, and no other with the address. Ten minutes later the membership is forgotten.
	// +optional
	EndedTime *metav1.Time `json:"endedTime,omitempty"`
}

// OwnershipAnswer is what a person says to owning an organisation.
type OwnershipAnswer struct {
	// uid of the Member.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	UID string `json:"uid,omitempty"`

	// namespace of the organisation.
	// +required
	Namespace ObjectName `json:"namespace,omitempty"`

	// member is the name of the Member.
	// +required
	Member ObjectName `json:"member,omitempty"`

	// agrees is true if the person takes the organisation over, and false if they do not, or no longer, want to own it.
	// +required
	Agrees *bool `json:"agrees,omitempty"`
}

// Account is a person, across all organisations that they belong to. The portal creates it when somebody accepts their first invitation;
// the password hash is in the Secret of the same name.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=acct,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.email`
// +kubebuilder:selectablefield:JSONPath=`.spec.username`
// +kubebuilder:selectablefield:JSONPath=`.status.userHandle`
// +kubebuilder:printcolumn:name="Email",type=string,JSONPath=`.spec.email`
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Company",type=string,JSONPath=`.spec.company`
// +kubebuilder:printcolumn:name="Last-Sign-In",type=date,JSONPath=`.status.lastSignInTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Username",type=string,JSONPath=`.spec.username`,priority=1
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspended`,priority=1
// +kubebuilder:printcolumn:name="Second-Factor",type=boolean,JSONPath=`.status.secondFactor.enrolled`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Account struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the person says about themselves.
	// +required
	Spec AccountSpec `json:"spec,omitzero"`

	// status is what the operator and the portal know about the account.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status AccountStatus `json:"status,omitzero"`
}

// AccountList is a list of Accounts.
//
// +kubebuilder:object:root=true
type AccountList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Account `json:"items"`
}
