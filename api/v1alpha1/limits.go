// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "time"

// Limits of the schema that are also checked before something is sent, so that people are told at the field or the flag. The markers of the
// fields repeat them; a test compares.
const (
	// MinValidity and MaxValidity bound how long a link can be used, and DefaultValidity is what counts where nothing is said.
	MinValidity     = time.Hour
	MaxValidity     = 720 * time.Hour
	DefaultValidity = 72 * time.Hour
	// MinReminder and MaxReminder bound how long before the end of a link a person is reminded, and MaxReminders how often.
	MinReminder  = time.Minute
	MaxReminder  = 720 * time.Hour
	MaxReminders = 5
	// MaxAllowedDomains is how many domains an organisation can be limited to.
	MaxAllowedDomains = 100
	// MaxURL is the length of an address in the settings of an organisation.
	MaxURL = 2000
	// MaxProfileGrants and MaxWorkspaceGrants are on how many profiles, and in how many Workspaces, a Member has a role of their own.
	MaxProfileGrants   = 500
	MaxWorkspaceGrants = 100
	// MaxTeamMembers is how many Members a Team names, and MaxGroupProfiles how many profiles a Team or a Workspace names.
	MaxTeamMembers   = 5000
	MaxGroupProfiles = 500
)
