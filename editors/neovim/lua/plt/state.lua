-- Everything that changes while the plugin runs, in one table that the other modules read and write.
-- It does not know why anything changes.

---@class plt.State
---@field config plt.Config? what `setup` was given, over the defaults; nil before `setup`
---@field settings plt.Settings the server's settings as they are now
---@field enabled boolean false after `:Plt disable`
---@field client_id integer? the running server's client
---@field buffers table<integer, true> buffers that the server is to see, restart or not
---@field exits integer[] when the server ended unasked, in vim.uv.now() milliseconds
---@field stopping table<integer, true> clients whose end was asked for
---@field has_given_up boolean whether the server ended too often to be started again by itself
---@field ghost plt.Ghost? the suggestion in the current buffer
---@field request plt.Request? the request that has no answer yet
---@field asked plt.Asked? what was asked last
---@field report table? the server's last completion report
---@field server table? what the server last told of its state
---@field watched table<integer, boolean> buffers whose changes are followed
---@field told_line string? the statusline that was last told of
return {
  config = nil,
  settings = {},
  enabled = true,
  client_id = nil,
  buffers = {},
  exits = {},
  stopping = {},
  has_given_up = false,
  ghost = nil,
  request = nil,
  asked = nil,
  report = nil,
  server = nil,
  watched = {},
  told_line = nil,
}
