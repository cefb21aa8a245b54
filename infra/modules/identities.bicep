metadata description = 'Three identities: one looks, one rehearses, one fails over. They outlive the app and are granted before it exists.'

@description('Required. Region of the identities.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Tags.')
param tags object

resource observe 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-leeward-observe-${suffix}'
  location: location
  tags: tags
}

resource drill 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-leeward-drill-${suffix}'
  location: location
  tags: tags
}

resource failover 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-leeward-failover-${suffix}'
  location: location
  tags: tags
}

@description('The identity that only looks.')
output observe object = {
  id: observe.id
  clientId: observe.properties.clientId
  principalId: observe.properties.principalId
}

@description('The identity that rehearses.')
output drill object = {
  id: drill.id
  clientId: drill.properties.clientId
  principalId: drill.properties.principalId
}

@description('The identity that fails over.')
output failover object = {
  id: failover.id
  clientId: failover.properties.clientId
  principalId: failover.properties.principalId
}

@description('Principal ids by identity.')
output principalIds object = {
  observe: observe.properties.principalId
  drill: drill.properties.principalId
  failover: failover.properties.principalId
}
