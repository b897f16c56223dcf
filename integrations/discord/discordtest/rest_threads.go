package discordtest

import "slices"

// startThread starts one without a message; https://discord.com/developers/docs/resources/channel#start-thread-without-message
func (s *Server) startThread(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	return s.newThread(c, ch, "")
}

func (s *Server) startThreadFrom(c *call) (any, error) {
	ch, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	if s.state.message(ch.ID, c.path("message")) == nil {
		return nil, errUnknownMessage
	}
	if s.state.channels[c.path("message")] != nil {
		return nil, bad(160004, "A thread has already been created for this message")
	}
	return s.newThread(c, ch, c.path("message"))
}

// newThread makes a thread; one that starts at a message has that message's id.
func (s *Server) newThread(c *call, in *Channel, message string) (any, error) {
	var b channelBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if in.Type != ChannelText {
		return nil, bad(50024, "Cannot execute action on this channel type")
	}
	kind := ChannelPrivateThread // the default of a thread without a message
	if b.Type != nil {
		kind = *b.Type
	}
	if message != "" {
		kind = ChannelPublicThread
	}
	need := CreatePublicThreads
	if kind == ChannelPrivateThread {
		need = CreatePrivateThreads
	}
	if err := s.state.needs(in.ID, need); err != nil {
		return nil, err
	}
	var f form
	if b.Name == nil {
		b.Name = new(string)
	}
	f.length("name", *b.Name, 1, 100)
	if err := f.err(); err != nil {
		return nil, err
	}
	now := stamp(s.now())
	parent := in.ID
	t := &Channel{ID: message, Type: kind, Name: *b.Name, ParentID: &parent, Thread: &Thread{OwnerID: botID, MemberCount: 1,
		Metadata: ThreadMetadata{AutoArchiveDuration: 4320, ArchiveTimestamp: &now, CreateTimestamp: now}}}
	if t.ID == "" {
		t.ID = s.state.newID()
	}
	if b.AutoArchiveDuration != nil {
		t.Thread.Metadata.AutoArchiveDuration = *b.AutoArchiveDuration
	}
	t.Thread.members = []ThreadMember{{ID: t.ID, UserID: botID, JoinTimestamp: now}}
	t.Thread.Member = &t.Thread.members[0]
	s.state.addChannel(t)
	s.dispatch("THREAD_CREATE", intentGuilds, t)
	if message == "" && kind == ChannelPublicThread {
		s.systemMessage(18, in.ID, &Reference{ChannelID: t.ID, GuildID: guildID}, t.Name)
	}
	c.status = 201
	return t, nil
}

// editThread archives, locks and renames. An archived one may only be opened again.
func (s *Server) editThread(t *Channel, b channelBody) (any, error) {
	meta := t.Thread.Metadata
	opens := b.Archived != nil && !*b.Archived
	if t.Thread.OwnerID != botID || b.Locked != nil || meta.Locked {
		if err := s.state.needs(t.ID, ManageThreads); err != nil {
			return nil, err
		}
	}
	if meta.Archived && !opens {
		return nil, errArchived
	}
	next := *t
	b.ParentID, b.Topic, b.Overwrites = nil, nil, nil
	if err := s.fill(&next, b); err != nil {
		return nil, err
	}
	if b.Archived != nil && *b.Archived != meta.Archived {
		now := stamp(s.now())
		meta.Archived, meta.ArchiveTimestamp = *b.Archived, &now
	}
	if b.Locked != nil {
		meta.Locked = *b.Locked
	}
	if b.AutoArchiveDuration != nil {
		meta.AutoArchiveDuration = *b.AutoArchiveDuration
	}
	*t = next
	t.Thread.Metadata = meta
	s.dispatch("THREAD_UPDATE", intentGuilds, t)
	return t, nil
}

func (s *Server) threadFor(c *call) (*Channel, error) {
	t, err := s.channelFor(c, 0)
	if err != nil {
		return nil, err
	}
	if t.Thread == nil {
		return nil, bad(50024, "Cannot execute action on this channel type")
	}
	return t, nil
}

func (s *Server) threadMembers(c *call) (any, error) {
	t, err := s.threadFor(c)
	if err != nil {
		return nil, err
	}
	return append([]ThreadMember{}, t.Thread.members...), nil
}

func (s *Server) threadMember(c *call) (any, error) {
	t, err := s.threadFor(c)
	if err != nil {
		return nil, err
	}
	for _, m := range t.Thread.members {
		if m.UserID == c.path("user") {
			return m, nil
		}
	}
	return nil, errUnknownMember
}

func (s *Server) joinThread(c *call) (any, error) {
	t, err := s.threadFor(c)
	if err != nil {
		return nil, err
	}
	if t.Thread.Metadata.Archived {
		return nil, errArchived
	}
	id := c.path("user")
	if id == "@me" {
		id = botID
	}
	if s.state.members[id] == nil {
		return nil, errUnknownMember
	}
	if !slices.ContainsFunc(t.Thread.members, func(m ThreadMember) bool { return m.UserID == id }) {
		t.Thread.members = append(t.Thread.members, ThreadMember{ID: t.ID, UserID: id, JoinTimestamp: stamp(s.now())})
		t.Thread.MemberCount = len(t.Thread.members)
	}
	return nil, nil
}

func (s *Server) leaveThread(c *call) (any, error) {
	t, err := s.threadFor(c)
	if err != nil {
		return nil, err
	}
	id := c.path("user")
	if id == "@me" {
		id = botID
	}
	t.Thread.members = slices.DeleteFunc(t.Thread.members, func(m ThreadMember) bool { return m.UserID == id })
	t.Thread.MemberCount = len(t.Thread.members)
	return nil, nil
}

func (s *Server) threadList(archived bool, parent string) map[string]any {
	threads, members := []*Channel{}, []ThreadMember{}
	for _, t := range s.state.listed(true) {
		if t.Thread.Metadata.Archived == archived && (parent == "" || *t.ParentID == parent) {
			threads = append(threads, t)
			members = append(members, t.Thread.members...)
		}
	}
	return map[string]any{"threads": threads, "members": members, "has_more": false}
}

func (s *Server) activeThreads(*call) (any, error) {
	return s.threadList(false, ""), nil
}

func (s *Server) archivedThreads(c *call) (any, error) {
	ch, err := s.channelFor(c, ReadMessageHistory)
	if err != nil {
		return nil, err
	}
	return s.threadList(true, ch.ID), nil
}
