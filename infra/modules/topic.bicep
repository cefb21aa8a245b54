metadata description = 'The topic that Leeward tells of its runs on: CloudEvents, no keys.'

@description('Required. Region of the topic.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Principals that publish.')
param principalIds string[]

@description('Required. Tags.')
param tags object

var dataSender = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: 'evgt-leeward-${suffix}'
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principalIds: {
    name: guid(topic.id, principal, dataSender)
    scope: topic
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
      principalId: principal
      principalType: 'ServicePrincipal'
    }
  }
]

@description('Where events are published.')
output endpoint string = topic.properties.endpoint
