// SPDX-License-Identifier: Apache-2.0

package mail

// Digest is what the mail about new items on a social profile says.
type Digest struct {
	Envelope

	// Organization by its name.
	Organization string
	// Profile as people call it: the network and the handle.
	Profile string
	// Items are how many are new.
	Items int
}

// Digest writes the mail. The same Digest gives the same bytes.
func (c *Composer) Digest(d Digest) (*Message, error) {
	d.Name, d.Organization, d.Profile = oneLine(d.Name, maxName), oneLine(d.Organization, maxName), oneLine(d.Profile, maxName)
	return c.notice(d.Envelope, c.senderName(d.Organization), d.view, checkOrganization(d.Organization))
}

func (d Digest) view(s *speaker) noticeView {
	names := words{"Organization": d.Organization, "Profile": d.Profile, "Items": s.count("items", d.Items)}
	v := newNotice(s, d.Envelope, d.Organization, "digest", names)
	v.Paragraphs = append(v.Paragraphs, s.say("digest.next", names))
	v.Footer = []string{s.say("digest.why", names)}
	return v
}
